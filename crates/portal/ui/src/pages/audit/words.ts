import type { AuditEntry } from '../../api/audit';
import { splitResource } from '../../format/permission';

/** What the page of the log says in words; pure. */

export const KINDS: [string, string][] = [
  ['decision', 'Decision'],
  ['approval', 'Approval'],
  ['pause', 'Pause'],
  ['boundary_changed', 'Boundary changed'],
  ['policy_changed', 'Policy changed'],
  ['budget_changed', 'Budget changed'],
  ['tool_server_changed', 'Tool server changed'],
  ['pin', 'Tool pinned'],
  ['evidence_published', 'Evidence published'],
  ['catalog_changed', 'Catalog changed'],
  ['key_created', 'Key made'],
  ['key_extended', 'Key extended'],
  ['key_revoked', 'Key revoked'],
  ['token_created', 'API token made'],
  ['token_revoked', 'API token revoked'],
  ['provider_key_changed', 'Provider key changed'],
  ['sign_in', 'Sign-in'],
  ['sign_in_refused', 'Sign-in refused'],
  ['sign_out', 'Sign-out'],
  ['sign_in_link_created', 'Sign-in link made'],
  ['door_refused', 'Refused at the door'],
  ['run_deleted', 'Run deleted'],
  ['backup_made', 'Backup made'],
  ['content_pruned', 'Content removed by retention'],
  ['log_opened', 'Log opened'],
];

const words = new Map(KINDS);

export const kindWord = (kind: string): string => words.get(kind) ?? kind.replaceAll('_', ' ');

/** What the entry is about, in one line. */
export function about(entry: AuditEntry): string {
  if (entry.resource) return splitResource(entry.resource).name || entry.resource;
  return entry.reason ?? entry.code?.replaceAll('_', ' ') ?? '';
}
