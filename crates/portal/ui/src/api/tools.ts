import type { Taint } from './policies';

/** Shapes of tool servers, their tools and profiles. */

export interface ToolServer {
  name: string;
  /** `file`: declared in the configuration, so read only here. */
  source: 'stored' | 'file';
  enabled: boolean;
  transport: 'stdio' | 'http';
  target: string;
  state: 'idle' | 'connecting' | 'ready' | 'failing' | 'disabled';
  fault: string | null;
  era: 'stateful' | 'stateless' | null;
  protocol_version: string | null;
  server_name: string | null;
  server_version: string | null;
  downgraded: string | null;
  tools: number;
  withheld: number;
  processes: number;
  sessions: number;
  last_seen_at: string | null;
  updated_at: string | null;
}

export type WithheldReason = 'unapproved' | 'definition_changed' | 'look_alike';
export type FindingKind = 'hidden_characters' | 'confusable_name' | 'same_description' | 'names_other_tool';

export interface ToolDefinition {
  tool: string;
  title: string | null;
  state: 'pinned' | 'withheld' | 'gone';
  withheld: { reason: WithheldReason; detail: string } | null;
  digest: string | null;
  pin: { digest: string; approved_by: string; approved_at: string } | null;
  read_only: boolean;
  findings: { kind: FindingKind; detail: string; other: string | null }[];
  touches: Taint;
  first_seen_at: string;
  last_seen_at: string;
  current: unknown;
  pinned: unknown;
  changes: { path: string; pinned: unknown; current: unknown }[];
}

export interface ToolServerDetail {
  server: ToolServer;
  stderr: string[];
  definitions: ToolDefinition[];
}

export type NewTransport =
  | { kind: 'stdio'; command: string; args: string[] }
  | {
      kind: 'http';
      url: string;
      credential: null | { kind: 'header'; header: string; prefix: string; secret: string };
    };

export interface ToolProfile {
  name: string;
  source: 'stored' | 'file';
  path: string;
  names: 'auto' | 'plain' | 'prefixed';
  servers: { server: string; tools: string[]; prompts: string[]; resources: string[] }[];
  updated_at: string | null;
}
