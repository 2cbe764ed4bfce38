import type { components } from './schema';

/** Names for the shapes of the HTTP API. `schema.ts` is generated: `npm run types` after a change of the API. */

type Schemas = components['schemas'];

/** Answers have every field; the generator takes one that may be null for one that may be absent. */
export type Told<T> = T extends (infer Item)[]
  ? Told<Item>[]
  : T extends object
    ? { [Field in keyof T]-?: Told<Exclude<T[Field], undefined>> }
    : T;

/** The same with fields that the document says less about than is so: a closed set as a text, JSON as an empty object. */
export type Narrow<T, Fields extends { [Field in keyof Fields]: Field extends keyof T ? unknown : never }> = Omit<
  T,
  keyof Fields
> &
  Fields;

export type Outcome = Schemas['Outcome'];
export type Source = Schemas['Source'];
export type StepKind = Schemas['StepKind'];
export type Usage = Schemas['Usage'];
export type Message = Schemas['Message'];
export type Part = Schemas['Part'];

export type RunSummary = Schemas['RunSummary'];
export type RunPage = Schemas['RunList'];
export type RunDetail = Schemas['RunDetail'];
export type StepView = Schemas['StepView'];
export type SpanView = Schemas['SpanView'];
export type SpanPage = Schemas['SpanPage'];
export type SpanDetail = Schemas['SpanDetail'];
export type StoryEntry = Schemas['StoryEntry'];
export type StoryPage = Schemas['StoryPage'];
export type Graph = Schemas['GraphView'];
export type GraphNode = Schemas['GraphNode'];
export type GraphEdge = Schemas['GraphEdge'];

export type Overview = Schemas['Overview'];
export type Totals = Schemas['Totals'];
export type Hour = Schemas['Hour'];
export type Ingest = Schemas['Ingest'];
export type AgentSummary = Schemas['AgentList']['items'][number];
export type ModelSummary = Schemas['ModelList']['items'][number];

export type QueryResult = Schemas['QueryView'];
export type KeyInfo = Schemas['KeyView'];
export type Minted = Schemas['MintedKey'];
export type ApiToken = Schemas['ApiTokenView'];
export type MintedApiToken = Schemas['MintedApiToken'];
export type ProviderView = Schemas['ProviderView'];
export type Session = Schemas['SessionView'];
export type Imported = Schemas['ImportView'];
export type About = Schemas['About'];

export interface List<T> {
  items: T[];
}
