import { useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { AuditCheckpoint, AuditKey } from '../../api/audit';
import { exact, plural } from '../../format/number';
import { Command, Copy } from '../../ui/copy';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { standing } from './known-key';

/** What the whole log stands on: its signed root, who else signed it, and how to check it without this server. */
export function Checkpoint({ logKey }: { logKey: AuditKey | undefined }) {
  const checkpoint = useData<AuditCheckpoint>('/audit/checkpoint').data.value;
  if (!checkpoint) return <div class="checkpoint-place" />;
  const unsigned = checkpoint.log.durable_size - checkpoint.size;
  const fails = checkpoint.log.state !== 'works';
  return (
    <>
      {fails && (
        <div class="failure loud" role="alert">
          <Icon name="alert" />
          <p>
            The log cannot be written: {checkpoint.log.message ?? 'no reason is known'}. Calls that can change something
            are refused until it can.
          </p>
        </div>
      )}
      <dl class="run-facts page">
        <Fact name="Signed entries">
          {exact(checkpoint.size)}
          {unsigned > 0 && <span class="faint"> · {exact(unsigned)} on disk, signed next</span>}
        </Fact>
        <Fact name="Root" title={checkpoint.root}>
          <span class="id">
            <code>{checkpoint.root.slice(0, 12)}…</code>
            <Copy text={checkpoint.note} label="Copy the signed checkpoint" />
          </span>
        </Fact>
        <Fact name="Witnesses">
          <Witnesses checkpoint={checkpoint} />
        </Fact>
        {checkpoint.log.pruned_below > 0 && (
          <Fact name="Content kept from" title="Below, retention removed the texts; the tree still proves them">
            index {exact(checkpoint.log.pruned_below)}
          </Fact>
        )}
        {logKey && (
          <Fact name="Public key">
            <Key logKey={logKey} />
          </Fact>
        )}
      </dl>
      <details class="section">
        <summary>Verify it without this server</summary>
        <div class="offline">
          <p>
            Copy the folder <code>audit</code> of the data folder, or mirror{' '}
            <code>{location.origin}/api/v1/audit/log/</code>, and check it anywhere with the public key alone. Every
            changed byte, lost or moved entry is found and named; with an older checkpoint also a log that was cut back.
          </p>
          <Command text={`mizzen audit verify AUDIT_FOLDER --key '${logKey?.key ?? 'KEY'}'`} />
          <p>One entry, with the proof that this page downloads:</p>
          <Command text={`mizzen audit verify-proof entry.tlog-proof --key '${logKey?.key ?? 'KEY'}'`} />
        </div>
      </details>
    </>
  );
}

function Witnesses({ checkpoint: { witnesses, size } }: { checkpoint: AuditCheckpoint }) {
  if (witnesses.length === 0) return <span class="faint">none: nobody else has seen the root</span>;
  return (
    <>
      {witnesses.map((witness) => {
        const behind = witness.cosigned_size === null ? null : size - witness.cosigned_size;
        return (
          <span key={witness.name} class="witness" title={witness.error ?? witness.url}>
            <Icon name={witness.error ? 'alert' : 'passed'} /> {witness.name}{' '}
            <span class={witness.error ? 'bad-text' : 'faint'}>
              {behind === null
                ? 'has not signed yet'
                : behind === 0
                  ? 'signed this root'
                  : `signed ${plural(behind, 'entry', 'entries')} ago`}
              {witness.error && `, ${witness.error}`}
            </span>
          </span>
        );
      })}
    </>
  );
}

function Key({ logKey }: { logKey: AuditKey }) {
  const [known] = useState(() => standing(logKey.origin, logKey.key, new Date().toISOString()));
  const download = (): void => {
    const address = URL.createObjectURL(new Blob([`${logKey.key}\n`], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = 'mizzen-audit.vkey';
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <span class="id">
      <code title={logKey.key}>{logKey.key.split('+')[1]}</code>
      <Copy text={logKey.key} label="Copy the public key" />
      <button
        type="button"
        class="icon-button"
        aria-label="Download the public key"
        title="Download the public key"
        onClick={download}
      >
        <Icon name="download" />
      </button>
      {known.state === 'changed' ? (
        <span class="bad-text">
          <Icon name="alert" /> not the key of {known.since.slice(0, 10)}
        </span>
      ) : (
        <span class="faint" title="A key that stays the same since this browser first saw the log">
          {known.state === 'same' ? `the same since ${known.since.slice(0, 10)}` : 'first seen now'}
        </span>
      )}
    </span>
  );
}
