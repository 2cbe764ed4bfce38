import { splitReference } from '../router';
import { useData, type Resource } from './cache';
import type { components } from './schema';
import type { Narrow, Told } from './shapes';

/** Names for the shapes of the catalog, and its addresses. */

type Schemas = components['schemas'];

export type VersionState = Schemas['VersionState'];
export type Origin = Schemas['CatalogOrigin'];
export type Level = Schemas['Level'];
export type CheckState = Schemas['CheckState'];
export type Provenance = Schemas['Provenance'];

export type CatalogItem = Narrow<Told<Schemas['CatalogRow']>, { origin: Origin }>;
export type CatalogPage = Narrow<Told<Schemas['CatalogList']>, { items: CatalogItem[] }>;
export type FacetValue = Schemas['CatalogFacetValue'];
export type Facets = Schemas['CatalogFacets'];
export type SearchHit = Told<Schemas['CatalogHit']>;

export type Summary = Told<Schemas['CatalogSummary']>;
export type AgentPart = Told<Schemas['CatalogAgentSummary']>;
export type ModelPart = Told<Schemas['CatalogModelSummary']>;
export type ToolServerPart = Told<Schemas['CatalogToolServerSummary']>;
export type ToolPart = Told<Schemas['CatalogToolSummary']>;
export type TeamPart = Told<Schemas['CatalogTeamSummary']>;
export type Granted = Told<Schemas['CatalogGranted']>;
export type RunFigures = Told<Schemas['CatalogRunFigures']>;
export type TrendDay = Told<Schemas['CatalogRunDay']>;
export type OwnedItem = Told<Schemas['CatalogOwned']>;
export type LevelCounts = Schemas['CatalogLevelCounts'];

export type Scorecard = Told<Schemas['CatalogScorecard']>;
export type Check = Told<Schemas['CatalogCheckResult']>;
export type Fact = Told<Schemas['CatalogFact']>;

/** The envelope that all entities share; what a kind adds is in `spec`. */
export interface Envelope {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    title?: string;
    description?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    tags?: string[];
    links?: { url: string; title?: string; icon?: string; type?: string }[];
  };
  spec?: Record<string, unknown>;
}

export type EntityDetail = Narrow<Told<Schemas['CatalogEntity']>, { origin: Origin; entity: Envelope }>;
export type CatalogRelation = Schemas['CatalogRelation'];
export type VersionView = Told<Schemas['CatalogVersion']>;
export type Review = Told<Schemas['CatalogReview']>;
type ReviewPage = Told<Schemas['CatalogReviews']>;
export type Applied = Told<Schemas['CatalogApplied']>;

const CATALOG = '/catalog/entities';
export const REVIEWS = '/catalog/reviews';

/** The address of one entity in the API. */
export function entityApi(reference: string, part = ''): string {
  const { kind, namespace, name } = splitReference(reference);
  return `${CATALOG}/${[kind, namespace, name].map(encodeURIComponent).join('/')}${part}`;
}

export const isReviews = (path: string): boolean => path.startsWith(REVIEWS);
/** What a change of one entity makes stale. */
export const isCatalog = (path: string): boolean => path.startsWith('/catalog/');

/** Versions that wait for a review. */
export function useReviews(): Resource<ReviewPage> {
  return useData<ReviewPage>(REVIEWS);
}
