import '../../styles/create.css';
import { useData } from '../../api/cache';
import type { TemplateList, TemplateSummary } from '../../api/catalog-shapes';
import { exact, plural } from '../../format/number';
import { templatePath } from '../../router';
import { OwnerLink, VersionStatus } from '../../ui/catalog';
import { Command } from '../../ui/copy';
import { Icon, type IconName } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { Ticked } from '../../ui/ticked';
import { Empty } from '../../ui/waiting';
import { madeWords, ownerReference, typeKind } from './words';

export default function CreatePage() {
  const templates = useData<TemplateList>('/catalog/templates');
  const items = templates.data.value?.items;
  return (
    <>
      <PageHead title="Create">{items && <span class="count">{plural(items.length, 'golden path')}</span>}</PageHead>
      <p class="lead">
        A golden path asks at most seven questions, shows every file before it writes one, and leaves an agent that has
        an owner, a boundary, a budget and an eval set from its first minute.
      </p>
      <Loaded resource={templates}>
        {(list) =>
          list.items.length > 0 ? (
            <ul class="cards">
              {list.items.map((template) => (
                <Card key={template.ref} template={template} />
              ))}
            </ul>
          ) : (
            <Empty title="No template">
              <Command text="mizzen apply -f template.yaml" />
            </Empty>
          )
        }
      </Loaded>
    </>
  );
}

const ICONS: Record<ReturnType<typeof typeKind>, IconName> = {
  'ai-agent': 'agent',
  'mcp-server': 'plug',
  skill: 'skill',
  'eval-set': 'star',
  other: 'form',
};

function Card({ template }: { template: TemplateSummary }) {
  const { made, made_behind: behind, state } = template;
  return (
    <li class={template.runnable ? 'card' : 'card off'}>
      <h2>
        <Icon name={ICONS[typeKind(template.type ?? '')]} />
        <a href={templatePath(template.namespace, template.name)} data-row>
          {template.title}
        </a>
      </h2>
      <p class="card-about">
        <Ticked text={template.description ?? 'Its document says nothing about it.'} />
      </p>
      {template.why_not && (
        <p class="problem">
          <Icon name="lock" />{' '}
          <span>
            <Ticked text={template.why_not} />
          </span>
        </p>
      )}
      <dl>
        <div>
          <dt>You will own</dt>
          <dd>{template.type === null ? '–' : madeWords(template.type)}</dd>
        </div>
        <div>
          <dt>Asks</dt>
          <dd>
            {plural(template.questions, 'question')}, {plural(template.steps, 'step')}
          </dd>
        </div>
        <div>
          <dt>Kept by</dt>
          <dd>{template.origin === 'built_in' ? 'Mizzen' : <OwnerLink owner={ownerReference(template.owner)} />}</dd>
        </div>
        <div>
          <dt>Made from it</dt>
          <dd>
            {made === 0 ? (
              'none yet'
            ) : (
              <a href={`${templatePath(template.namespace, template.name)}?tab=made`}>{exact(made)}</a>
            )}
            {behind > 0 && <span class="badge warn">{exact(behind)} behind</span>}
          </dd>
        </div>
      </dl>
      <div class="card-foot">
        {template.tags.slice(0, 3).map((tag) => (
          <span key={tag} class="chip">
            {tag}
          </span>
        ))}
        {state && state !== 'approved' && <VersionStatus state={state} />}
      </div>
    </li>
  );
}
