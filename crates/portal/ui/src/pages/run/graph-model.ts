import type { GraphNode, StepView } from '../../api/shapes';

/** The steps that a node of the graph stands for, in order of time. */
export function stepsOf(node: GraphNode, steps: StepView[]): StepView[] {
  const counted = steps.filter((step) => !step.counted_as);
  switch (node.kind) {
    case 'user':
      return [];
    case 'model':
      return counted.filter((step) => step.kind === 'model_call' && (step.model ?? step.name) === node.label);
    case 'tool':
      return counted.filter(
        (step) => !['model_call', 'agent_call', 'group'].includes(step.kind) && (step.tool ?? step.name) === node.label,
      );
    case 'agent': {
      const calls = counted.filter((step) => step.kind === 'agent_call' && (step.agent ?? step.name) === node.label);
      // Many agents never report their own call; then their steps stand for them.
      return calls.length > 0 ? calls : counted.filter((step) => step.agent === node.label);
    }
  }
}

/** The step to show first for a node: what failed, else the first. */
export function leadOf(steps: StepView[]): StepView | undefined {
  return steps.find((step) => step.outcome === 'error') ?? steps[0];
}
