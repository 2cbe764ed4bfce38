import { withQuery } from '../../api/client';
import { Icon } from '../../ui/icon';
import { ForRole } from '../../ui/role';

/** What one does about an agent: look at what was decided about it, or stop it. `agent` is its name in traffic. */
export function AgentActions({ agent }: { agent: string }) {
  return (
    <>
      <a class="button small" href={withQuery('/decisions', { agent })}>
        Decisions
      </a>
      <ForRole least="approver">
        <a class="button small" href={withQuery('/budgets', { pause: 1, agent })} aria-label="Pause or stop it">
          <Icon name="pause" /> <span>Pause …</span>
        </a>
      </ForRole>
    </>
  );
}
