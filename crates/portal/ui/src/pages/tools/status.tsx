import type { ToolDefinition, ToolServer } from '../../api/tools';
import { Icon } from '../../ui/icon';
import { Said, type Mark } from '../../ui/status';
import { reasonWord } from './words';

const stateMark: Record<ToolServer['state'], Mark> = {
  idle: { icon: 'ended', word: 'Idle' },
  connecting: { icon: 'open', word: 'Connecting' },
  ready: { icon: 'passed', word: 'Ready', tone: 'ok' },
  failing: { icon: 'failed', word: 'Failing', tone: 'error' },
  disabled: { icon: 'minus', word: 'Disabled' },
};

export function ServerStatus({ server }: { server: ToolServer }) {
  return <Said {...stateMark[server.state]} title={server.fault} />;
}

export function ToolStatus({ definition: { state, withheld } }: { definition: ToolDefinition }) {
  if (state === 'pinned') {
    return <Said icon="passed" tone="ok" word="Pinned" />;
  }
  if (state === 'gone') {
    return <Said icon="ended" word="Gone" title="The server offers it no more" />;
  }
  return (
    <span class="status error">
      <Icon name="lock" /> Withheld
      {withheld && <span class="hidden">: {reasonWord[withheld.reason]}</span>}
    </span>
  );
}
