import { useState } from 'preact/hooks';
import { refresh } from '../../api/cache';
import { entityApi, isCatalog, type EntityDetail } from '../../api/catalog';
import { ApiError, send } from '../../api/client';
import { may } from '../../api/session';
import { navigate } from '../../location';
import { announcement } from '../../shell/overlays';
import { Ago } from '../../ui/ago';
import { useAct } from '../../ui/act';
import { CodeEditor } from '../../ui/code-editor';
import { Confirm } from '../../ui/confirm';
import { Command } from '../../ui/copy';
import { Fact } from '../../ui/fact';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Json } from '../../ui/json';
import { RoleButton } from '../../ui/role';
import { Ticked } from '../../ui/ticked';
import { shortDigest } from '../eval/words';
import { applyText, useApplyCheck, type Checked } from './apply';

/** The document as it can be applied again, where it came from, and what is wrong with it. */
export function DocumentTab({ detail, reload }: { detail: EntityDetail; reload: () => Promise<void> }) {
  const isDiscovered = detail.origin === 'discovered';
  const [isEditing, setEditing] = useState(isDiscovered);
  return (
    <>
      <StatusItems detail={detail} />
      {isDiscovered && (
        <p class="remark">
          <Icon name="eye" /> Traffic showed it and nobody declared it. Applying this document claims it with its
          history: name an owner first.
        </p>
      )}
      <Provenance detail={detail} edit={isEditing ? null : () => setEditing(true)} />
      {isEditing && may('developer') ? (
        <Editor detail={detail} reload={reload} cancel={isDiscovered ? null : () => setEditing(false)} />
      ) : (
        <div class="inset-code">
          <Json value={detail.yaml} label="YAML of the entity" />
        </div>
      )}
      <div class="inset-code">
        <Command text={`mizzen get ${detail.ref} -o yaml`} />
      </div>
    </>
  );
}

function StatusItems({ detail }: { detail: EntityDetail }) {
  const items = [
    ...detail.status_items.map(({ level, message }) => ({ level, message })),
    ...(detail.is_orphan ? [{ level: 'warning', message: 'Its location holds it no longer.' }] : []),
    ...detail.warnings.map((message) => ({ level: 'warning', message })),
  ];
  return (
    <>
      {items.map(({ level, message }) => (
        <p key={message} class={level === 'error' ? 'run-error' : 'remark'}>
          <Icon name="alert" />
          <span>
            <Ticked text={message} />
          </span>
        </p>
      ))}
    </>
  );
}

function Provenance({ detail, edit }: { detail: EntityDetail; edit: (() => void) | null }) {
  return (
    <div class="document-head">
      <dl class="run-facts">
        <Fact name="Came as">{detail.origin === 'discovered' ? 'seen in traffic' : (detail.format ?? 'YAML')}</Fact>
        <Fact name={detail.locations.length > 1 ? 'Places' : 'Place'}>
          {detail.locations.length > 0 ? (
            detail.locations.map((place) => (
              <code key={place} class="clipped" title={place}>
                {place}
              </code>
            ))
          ) : (
            <span class="faint">
              {detail.origin === 'discovered' ? 'no document' : `applied by ${detail.applied_by}`}
            </span>
          )}
        </Fact>
        {detail.version && (
          <Fact name="Digest" title={detail.version.digest}>
            <code>{shortDigest(detail.version.digest)}</code>
          </Fact>
        )}
        <Fact name="Changed">
          <Ago at={detail.updated_at} />
        </Fact>
      </dl>
      <div class="actions">
        {edit && (
          <RoleButton least="developer" class="button small" onClick={edit}>
            Change it
          </RoleButton>
        )}
        {detail.origin === 'declared' && <Delete detail={detail} />}
      </div>
    </div>
  );
}

function Delete({ detail }: { detail: EntityDetail }) {
  const { problem, act } = useAct();
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', entityApi(detail.ref));
      navigate('/catalog');
      // Not what is gone: it is still on screen for a moment.
      refresh((path) => isCatalog(path) && !path.startsWith(entityApi(detail.ref)));
    });
  return (
    <>
      {problem && <span class="bad-text">{problem}</span>}
      <Confirm
        least="developer"
        word="Delete"
        question={`Delete ${detail.ref}? Its versions stay in the log`}
        act={remove}
      />
    </>
  );
}

function Editor({
  detail,
  reload,
  cancel,
}: {
  detail: EntityDetail;
  reload: () => Promise<void>;
  cancel: (() => void) | null;
}) {
  const [text, setText] = useState(detail.yaml);
  const [problem, setProblem] = useState('');
  const isChanged = text !== detail.yaml || detail.origin === 'discovered';
  const checked = useApplyCheck(text, isChanged);
  const isReady = isChanged && checked.valid === true;
  const apply = async (): Promise<void> => {
    if (!isReady) return;
    setProblem('');
    try {
      const done = await applyText(text, false);
      if (done.valid) {
        announcement.value = `${detail.ref} applied`;
        refresh(isCatalog);
        await reload();
        cancel?.();
      } else {
        setProblem(done.problems.map(({ message }) => message).join('; '));
      }
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    }
  };
  return (
    <form
      class="document-editor"
      onSubmit={(event) => {
        event.preventDefault();
        void apply();
      }}
    >
      <CodeEditor
        label="Document in YAML"
        text={text}
        problems={checked.problems}
        onInput={setText}
        save={() => void apply()}
      />
      <div class="save-line">
        <RoleButton least="developer" type="submit" class="button primary" disabled={!isReady}>
          Apply
        </RoleButton>
        {cancel && (
          <button type="button" class="button quiet" onClick={cancel}>
            Leave it as it is
          </button>
        )}
        <span class="faint" role="status">
          {isChanged && <WouldDo checked={checked} />}
        </span>
        <Problem text={problem} />
      </div>
    </form>
  );
}

const RESULT_WORDS: Record<string, string> = {
  created: 'would be new',
  updated: 'would change',
  unchanged: 'stays as it is',
};

function WouldDo({ checked }: { checked: Checked }) {
  if (checked.valid !== true) return null;
  return (
    <>
      {checked.results.map(({ ref, result }) => `${ref ?? 'a document'} ${RESULT_WORDS[result] ?? result}`).join(', ')}
    </>
  );
}
