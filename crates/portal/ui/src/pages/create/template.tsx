import '../../styles/create.css';
import { useData } from '../../api/cache';
import type { TemplateDetail } from '../../api/catalog-shapes';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { splitReference } from '../../router';
import { VersionStatus } from '../../ui/catalog';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { Tabs } from '../../ui/tabs';
import { Ticked } from '../../ui/ticked';
import { CreateFlow } from './flow';
import { MadeFrom } from './made-from';
import { SourceTab } from './source';

const PANEL = 'template-panel';

/** One golden path: its questions, what was made from it, and how it works. */
export default function TemplatePage({ id }: { id: string }) {
  const { namespace, name } = splitReference(id);
  const path = `/catalog/templates/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const template = useData<TemplateDetail>(path);
  const shown = template.data.value;
  const tab = query.value.get('tab') ?? 'create';
  const state = shown?.state;
  return (
    <>
      <PageHead title={shown?.title ?? name} up={{ href: '/create', name: 'Create' }}>
        {state && <VersionStatus state={state} />}
        {shown && shown.made_behind > 0 && (
          <span class="badge warn">{plural(shown.made_behind, 'entity', 'entities')} behind</span>
        )}
      </PageHead>
      <Tabs
        label="Template"
        panel={PANEL}
        tabs={[
          { id: 'create', label: 'Create' },
          { id: 'made', label: shown ? `Made from it (${shown.made})` : 'Made from it' },
          { id: 'source', label: 'How it works' },
        ]}
        chosen={tab}
        choose={(next) => setQuery({ tab: next === 'create' ? null : next, of: null })}
      />
      <div id={PANEL} role="tabpanel" aria-labelledby={`tab-${tab}`}>
        <Loaded resource={template}>
          {(known) => {
            if (tab === 'made') return <MadeFrom path={path} />;
            if (tab === 'source') return <SourceTab template={known} />;
            return known.runnable ? (
              <CreateFlow path={path} template={known} />
            ) : (
              <p class="problem lead">
                <Icon name="lock" />{' '}
                <span>
                  <Ticked text={known.why_not ?? 'It cannot be run now.'} />
                </span>
              </p>
            );
          }}
        </Loaded>
      </div>
    </>
  );
}
