import { useLayoutEffect, useRef } from 'preact/hooks';
import { send } from '../../api/client';
import type { Approval } from '../../api/gate';
import { announcement } from '../../shell/overlays';
import { useAct } from '../../ui/act';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { ForRole, RoleButton } from '../../ui/role';
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
  const reason = useRef<HTMLInputElement>(null);
  const { problem, busy, act } = useAct();
  const allowed = may('approver');
  // Before the next key arrives: what is typed right after `a` or `d` belongs into the field.
  useLayoutEffect(() => {
    if (answer) reason.current?.focus();
  }, [answer]);
  const give = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = reason.current?.value.trim();
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
  return (
    <form class="answer asking-why" onSubmit={give}>
      <label>
        <span>Why {answer === 'approve' ? 'approve' : 'deny'} it? (optional, kept in the log)</span>
        <input
          ref={reason}
          name="reason"
          maxLength={500}
          autocomplete="off"
          placeholder={answer === 'approve' ? 'checked with the team' : 'not on a Friday'}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return;
            event.preventDefault();
            event.stopPropagation();
            begin(null);
          }}
        />
      </label>
      <div class="form-foot">
        <button type="submit" class={answer === 'approve' ? 'button primary' : 'button danger'} disabled={busy}>
          {answer === 'approve' ? 'Approve this call' : 'Deny this call'} <kbd>Enter</kbd>
        </button>
        <button type="button" class="button quiet" onClick={() => begin(null)}>
          Leave it open
        </button>
      </div>
      <Problem text={problem} />
    </form>
  );
}
