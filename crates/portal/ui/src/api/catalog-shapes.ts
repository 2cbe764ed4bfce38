import type { CheckState, Level } from './catalog';
import type { components } from './schema';
import type { Narrow, Told } from './shapes';

/** Names for the shapes of the graph, templates, documentation, the overview of scorecards and ingestion. */

type Schemas = components['schemas'];

export type GraphDirection = 'up' | 'down' | 'both';
export type GraphOrigin = Schemas['CatalogGraphOrigin'];
export type EntityGraphNode = Narrow<Told<Schemas['CatalogGraphNode']>, { level: Level | null }>;
export type EntityGraphEdge = Schemas['CatalogGraphEdge'];
export type EntityGraph = Narrow<Told<Schemas['CatalogGraph']>, { nodes: EntityGraphNode[] }>;
export type Impacted = Narrow<Told<Schemas['CatalogImpacted']>, { level: Level | null }>;
export type ImpactKind = Narrow<Told<Schemas['CatalogImpactKind']>, { items: Impacted[] }>;
export type Impact = Narrow<Told<Schemas['CatalogImpact']>, { kinds: ImpactKind[] }>;

export type TemplateSummary = Told<Schemas['CatalogTemplate']>;
export type TemplateList = Told<Schemas['CatalogTemplateList']>;

/** The part of JSON Schema that forms are made of; `ui:*` and `enumNames` are hints. */
export interface Question {
  title?: string;
  description?: string;
  type?: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';
  enum?: (string | number)[];
  enumNames?: string[];
  default?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Question;
  'ui:field'?: string;
  'ui:widget'?: string;
  'ui:help'?: string;
  'ui:placeholder'?: string;
  'ui:autofocus'?: boolean;
}

export type QuestionPage = Narrow<
  Told<Schemas['CatalogTemplatePage']>,
  { schema: { required?: string[]; properties?: Record<string, Question> } }
>;
export type TemplateDetail = Narrow<Told<Schemas['CatalogTemplateDetail']>, { pages: QuestionPage[] }>;

export type Values = Record<string, unknown>;
export type Target = 'download' | 'project';

export type MadeFile = Narrow<Told<Schemas['CatalogMadeFile']>, { change: 'new' | 'changed' | 'same' }>;
export type LogLine = Schemas['CatalogTemplateLogLine'];
export type Effect = Narrow<Told<Schemas['CatalogTemplateEffect']>, { output: Record<string, unknown> | null }>;
export type Made = Narrow<Told<Schemas['CatalogTemplateMade']>, { files: MadeFile[]; effects: Effect[] }>;
export type CreatedEntity = Told<Schemas['CatalogCreated']>;
export type UpdateChange = Told<Schemas['CatalogFileUpdate']>;
export type TemplateUpdate = Narrow<Told<Schemas['CatalogUpdate']>, { folder: 'project' | 'sent' | 'as_made' }>;

export type DocsEntry = Told<Schemas['CatalogDocumentItem']>;
export type DocsPage = Told<Schemas['CatalogDocument']>;

export type ScorecardCell = Schemas['CatalogBoardCell'];
export type ScorecardRow = Told<Schemas['CatalogBoardRow']>;
export type Scorecards = Told<Schemas['CatalogBoard']>;
export type CheckRule = Told<Schemas['CatalogCheck']>;
/** What a cell counts by. */
export type CellState = CheckState | 'exempt' | 'not_applicable';

export type SourceProblem = Told<Schemas['CatalogSourceError']>;
/** A place that documents come from, and how reading it goes. */
export type SourceHealth = Narrow<Told<Schemas['CatalogSource']>, { state: 'ok' | 'failing' | 'never_read' }>;
export type Ingestion = Narrow<Told<Schemas['CatalogIngestion']>, { sources: SourceHealth[] }>;
