import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import '../../styles/catalog.css';
import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import { entityApi, type EntityDetail, type Summary } from '../../api/catalog';
import { classWord } from '../../format/catalog';
import { address, navigate, query } from '../../location';
import { entityPath, modelPath, splitReference, templatePath, toolServerPath } from '../../router';
import { ClassName, OriginBadge, VersionStatus } from '../../ui/catalog';
import { Icon } from '../../ui/icon';
import { PageHead } from '../../ui/page-head';
import { ForRole } from '../../ui/role';
import { Tabs } from '../../ui/tabs';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { AgentActions } from '../agents/actions';
import { claimPath } from './claim';
import { DocumentTab } from './document';
import { docsPath } from '../docs/paths';
import { EvalsTab } from './evals';
import { Overview } from './overview';
import { PermissionsTab } from './permissions';
import { RunsTab } from './runs';
import { ScorecardTab } from './scorecard';
import { Header } from './header';
import { tabsOf, trafficName, typeOf, type TabId } from './tabs';
import { VersionsTab } from './versions';

export default function EntityPage({ id }: { id: string }) {
  useEffect(() => openDocs(id), [id]);
  const detail = useData<EntityDetail>(entityApi(id));
  const summary = useData<Summary>(entityApi(id, '/summary'));
  const read = detail.data.value;
  if (detail.error.value?.status === 404 && !read) return <Missing id={id} />;
  return (
    <>
      <PageHead
        title={read?.entity.metadata.title ?? splitReference(id).name}
        up={{
          href: withQuery('/catalog', { class: read?.class }),
          name: read ? classWord(read.class, true) : 'Catalog',
        }}
      >
        {read && <Marks detail={read} />}
        {read && <Actions detail={read} />}
      </PageHead>
      {read && summary.data.value ? (
        <Header summary={summary.data.value} name={trafficName(read)} isAway={query.value.has('tab')} />
      ) : (
        summary.error.value && <Failure error={summary.error.value} retry={() => void summary.reload()} />
      )}
      {/* Both or neither: what came second would push the other away. */}
      {read && (summary.data.value || summary.error.value) ? (
        <Body id={id} detail={read} summary={summary.data.value} reload={detail.reload} />
      ) : detail.error.value ? (
        <Failure error={detail.error.value} retry={() => void detail.reload()} />
      ) : (
        <Waiting rows={10} />
      )}
    </>
  );
}

/** Pages of documentation link to each other by path; the portal has them in a tab. */
function openDocs(id: string): void {
  const [, part, ...page] = address.peek().path.split('/').filter(Boolean).slice(3).map(decodeURIComponent);
  if (part === 'docs') navigate(docsPath(id, page.join('/')), { replace: true });
}

function Missing({ id }: { id: string }) {
  const { name } = splitReference(id);
  return (
    <>
      <PageHead title={name} up={{ href: '/catalog', name: 'Catalog' }} />
      <Empty title={`There is no ${id}`}>
        <p>
          Nobody declared it and traffic has not shown it.{' '}
          <a href={withQuery('/catalog', { q: name })}>Search for it</a>, or <a href="/create">make one</a>.
        </p>
      </Empty>
    </>
  );
}

function Marks({ detail }: { detail: EntityDetail }) {
  const { kind } = detail.entity;
  return (
    <span class="head-marks">
      <ClassName kind={kind} type={typeOf(detail.entity)} />
      {detail.version && (
        <a href={entityPath(detail.ref, 'versions')} class="quiet-link" title={detail.version.digest}>
          <VersionStatus state={detail.version.state} />
        </a>
      )}
      <OriginBadge origin={detail.origin} owner={ownerOf(detail)} name={detail.class} />
      {detail.status_items.some(({ level }) => level === 'error') && (
        <a class="badge bad" href={entityPath(detail.ref, 'yaml')}>
          <Icon name="alert" /> problems
        </a>
      )}
    </span>
  );
}

const ownerOf = ({ relations }: EntityDetail): string | null =>
  relations.find(({ type }) => type === 'ownedBy')?.target_ref ?? null;

function Actions({ detail }: { detail: EntityDetail }) {
  const name = trafficName(detail);
  const traffic = { model: modelPath(name), tool_server: toolServerPath(name) }[detail.class];
  const { namespace } = splitReference(detail.ref);
  return (
    <div class="actions">
      {detail.origin === 'discovered' && (
        <ForRole least="developer">
          <a class="button small primary" href={claimPath(detail.ref, detail.class, name)}>
            Claim it
          </a>
        </ForRole>
      )}
      {detail.class === 'template' && (
        <a class="button small primary" href={templatePath(namespace, splitReference(detail.ref).name)}>
          Use it
        </a>
      )}
      {traffic && (
        <a class="button small" href={traffic}>
          {detail.class === 'tool_server' ? 'Connection' : 'Traffic'}
        </a>
      )}
      {detail.class === 'agent' && <AgentActions agent={name} />}
    </div>
  );
}

function Body({
  id,
  detail,
  summary,
  reload,
}: {
  id: string;
  detail: EntityDetail;
  summary: Summary | undefined;
  reload: () => Promise<void>;
}) {
  const tabs = tabsOf(detail.class, { versions: detail.version !== null, docs: detail.has_docs });
  const chosen = chosenTab(tabs.map((tab) => tab.id));
  return (
    <>
      <Tabs
        tabs={tabs}
        chosen={chosen}
        choose={(next) => setTab(id, next)}
        label="Views of the entity"
        panel="entity-view"
      />
      <div id="entity-view" role="tabpanel" aria-labelledby={`tab-${chosen}`}>
        <View key={chosen} tab={chosen} id={id} detail={detail} summary={summary} reload={reload} />
      </div>
    </>
  );
}

function chosenTab(tabs: TabId[]): TabId {
  const wanted = query.value.get('tab');
  return tabs.find((tab) => tab === wanted) ?? 'overview';
}

/** What a tab keeps in the address means nothing in another. */
const setTab = (id: string, tab: string): void => navigate(entityPath(id, tab === 'overview' ? undefined : tab));

function View({
  tab,
  id,
  detail,
  summary,
  reload,
}: {
  tab: TabId;
  id: string;
  detail: EntityDetail;
  summary: Summary | undefined;
  reload: () => Promise<void>;
}) {
  switch (tab) {
    case 'runs':
      return <RunsTab detail={detail} />;
    case 'evals':
      return <EvalsTab agent={trafficName(detail)} running={summary?.agent?.running ?? null} />;
    case 'permissions':
      return <PermissionsTab detail={detail} summary={summary} />;
    case 'scorecard':
      return <ScorecardTab reference={id} />;
    case 'versions':
      return <VersionsTab reference={id} changed={reload} />;
    case 'yaml':
      return <DocumentTab detail={detail} reload={reload} />;
    case 'dependencies':
      return <LaterView load={() => import('../graph/dependencies')} reference={id} />;
    case 'docs':
      return <LaterView load={() => import('../docs/docs')} reference={id} />;
    case 'overview':
      return <Overview detail={detail} summary={summary} />;
  }
}

type ViewOf = ComponentType<{ reference: string }>;

/** A view with a chunk of its own, read when it is first opened. */
function LaterView({ load, reference }: { load: () => Promise<{ default: ViewOf }>; reference: string }) {
  const [Loaded, setLoaded] = useState<ViewOf | null>(null);
  useEffect(() => {
    void load().then((found) => setLoaded(() => found.default));
  }, []);
  return Loaded ? <Loaded reference={reference} /> : <Waiting rows={8} />;
}
