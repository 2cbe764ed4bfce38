import type { Answer, ExperimentSummary, Verdict } from '../../api/eval';
import { Icon, type IconName } from '../../ui/icon';
import { answerWord, type MonitorState } from './words';

/** Status is an icon and a word, never colour alone. */

type Tone = 'ok' | 'error' | 'unset' | '';

function Said({ icon, word, tone, title }: { icon: IconName; word: string; tone: Tone; title?: string }) {
  return (
    <span class={`status ${tone}`} title={title}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

const STATES: Record<ExperimentSummary['state'], [IconName, string, Tone]> = {
  running: ['open', 'Running', 'unset'],
  finished: ['passed', 'Finished', 'ok'],
  failed: ['failed', 'Failed', 'error'],
};

export function ExperimentState({ experiment }: { experiment: ExperimentSummary }) {
  const [icon, word, tone] = STATES[experiment.state];
  return <Said icon={icon} word={word} tone={tone} {...(experiment.problem ? { title: experiment.problem } : {})} />;
}

const VERDICTS: Record<Verdict, [IconName, string, Tone]> = {
  pass: ['passed', 'Pass', 'ok'],
  fail: ['failed', 'Fail', 'error'],
  inconclusive: ['help', 'Inconclusive', ''],
};

export function VerdictStatus({ verdict }: { verdict: Verdict }) {
  const [icon, word, tone] = VERDICTS[verdict];
  return <Said icon={icon} word={word} tone={tone} />;
}

const ANSWERS: Record<Answer, [IconName, Tone]> = {
  better: ['up', 'ok'],
  worse: ['down', 'error'],
  no_worse: ['passed', 'ok'],
  not_yet_known: ['help', ''],
  not_comparable: ['minus', ''],
};

export function AnswerStatus({ answer }: { answer: Answer }) {
  const [icon, tone] = ANSWERS[answer];
  return <Said icon={icon} word={answerWord[answer]} tone={tone} />;
}

const MONITORS: Record<MonitorState, [IconName, string, Tone]> = {
  alarmed: ['alert', 'Alarmed', 'error'],
  watching: ['eye', 'Watching', ''],
};

export function MonitorStatus({ state }: { state: MonitorState }) {
  const [icon, word, tone] = MONITORS[state];
  return <Said icon={icon} word={word} tone={tone} />;
}
