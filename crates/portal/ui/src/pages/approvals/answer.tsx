import { send } from '../../api/client';
import type { Approval } from '../../api/gate';
import { announcement } from '../../shell/overlays';
import { useAct } from '../../ui/act';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { ForRole, RoleButton } from '../../ui/role';
import { WhyForm } from '../../ui/why-form';
import { may } from '../../api/session';

export type Answer = 'approve' | 'deny';

const doneWord: Record<Answer, string> = { approve: 'approved', deny: 'denied' };

/** The two answers; choosing one asks for a reason, and only Enter or its button sends it. */
export function AnswerForm({
  approval,
  answer,
  begin,
  done,
}: {
  approval: Approval;
  answer: Answer | null;
  begin: (answer: Answer | null) => void;
  done: (id: string) => void;
}) {
  const { problem, busy, act } = useAct();
  const allowed = may('approver');
  const give = (text: string): void => {
    void act(async () => {
      await send('POST', `/approvals/${encodeURIComponent(approval.id)}/${answer}`, text ? { reason: text } : {});
      announcement.value = `${approval.resource} ${doneWord[answer ?? 'deny']}`;
      done(approval.id);
    });
  };
  if (answer === null || !allowed) {
    return (
      <div class="answer">
        <RoleButton least="approver" class="button primary" onClick={() => begin('approve')}>
          <Icon name="check" /> Approve <kbd>a</kbd>
        </RoleButton>
        <RoleButton least="approver" class="button danger" onClick={() => begin('deny')}>
          <Icon name="cross" /> Deny <kbd>d</kbd>
        </RoleButton>
        <ForRole least="approver" what="Answering">
          {null}
        </ForRole>
        <Problem text={problem} />
      </div>
    );
  }
  const approves = answer === 'approve';
  return (
    <WhyForm
      key={answer}
      ask={`Why ${approves ? 'approve' : 'deny'} it? (optional, kept in the log)`}
      placeholder={approves ? 'checked with the team' : 'not on a Friday'}
      submit={approves ? 'Approve this call' : 'Deny this call'}
      tone={approves ? 'primary' : 'danger'}
      keep="Leave it open"
      problem={problem}
      busy={busy}
      give={give}
      cancel={() => begin(null)}
    />
  );
}
