import type { ToolDefinition, ToolServer } from '../../api/tools';
import { Icon, type IconName } from '../../ui/icon';
import { reasonWord, stateWord } from './words';

const stateIcon: Record<ToolServer['state'], IconName> = {
  idle: 'ended',
  connecting: 'open',
  ready: 'passed',
  failing: 'failed',
  disabled: 'minus',
};
const stateClass: Partial<Record<ToolServer['state'], string>> = { ready: 'ok', failing: 'error' };

export function ServerStatus({ server }: { server: ToolServer }) {
  return (
    <span class={`status ${stateClass[server.state] ?? ''}`} title={server.fault ?? undefined}>
      <Icon name={stateIcon[server.state]} />
      {stateWord[server.state]}
    </span>
  );
}

export function ToolStatus({ definition: { state, withheld } }: { definition: ToolDefinition }) {
  if (state === 'pinned') {
    return (
      <span class="status ok">
        <Icon name="passed" /> Pinned
      </span>
    );
  }
  if (state === 'gone') {
    return (
      <span class="status" title="The server offers it no more">
        <Icon name="ended" /> Gone
      </span>
    );
  }
  return (
    <span class="status error">
      <Icon name="lock" /> Withheld
      {withheld && <span class="hidden">: {reasonWord[withheld.reason]}</span>}
    </span>
  );
}
