import type { Answer, ExperimentSummary } from '../../api/eval';
import { Said, type Mark } from '../../ui/status';
import { answerWord, type MonitorState } from './words';

/** Status is an icon and a word, never colour alone. */

const STATES: Record<ExperimentSummary['state'], Mark> = {
  running: { icon: 'open', word: 'Running', tone: 'unset' },
  finished: { icon: 'passed', word: 'Finished', tone: 'ok' },
  failed: { icon: 'failed', word: 'Failed', tone: 'error' },
};

export function ExperimentState({ experiment }: { experiment: ExperimentSummary }) {
  return <Said {...STATES[experiment.state]} title={experiment.problem} />;
}

const ANSWERS: Record<Answer, Omit<Mark, 'word'>> = {
  better: { icon: 'up', tone: 'ok' },
  worse: { icon: 'down', tone: 'error' },
  no_worse: { icon: 'passed', tone: 'ok' },
  not_yet_known: { icon: 'help' },
  not_comparable: { icon: 'minus' },
};

export function AnswerStatus({ answer }: { answer: Answer }) {
  return <Said {...ANSWERS[answer]} word={answerWord[answer]} />;
}

const MONITORS: Record<MonitorState, Mark> = {
  alarmed: { icon: 'alert', word: 'Alarmed', tone: 'error' },
  watching: { icon: 'eye', word: 'Watching' },
};

export function MonitorStatus({ state }: { state: MonitorState }) {
  return <Said {...MONITORS[state]} />;
}
