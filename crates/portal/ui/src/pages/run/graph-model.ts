import type { GraphEdge, GraphNode, StepView } from '../../api/shapes';

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

/** A smooth line through the points that the server laid out in columns, as an SVG path. */
export function edgePath(points: readonly (readonly number[])[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${first[0]} ${first[1]}`;
  let [fromX, fromY] = [first[0] ?? 0, first[1] ?? 0];
  for (const [x = 0, y = 0] of rest) {
    const middle = (fromX + x) / 2;
    path += `C${middle} ${fromY} ${middle} ${y} ${x} ${y}`;
    [fromX, fromY] = [x, y];
  }
  return path;
}

/** Where the label of an edge sits. */
export function middleOf(edge: GraphEdge): { x: number; y: number } {
  const half = (edge.points.length - 1) / 2;
  const [before, after] = [edge.points[Math.floor(half)], edge.points[Math.ceil(half)]];
  return { x: ((before?.[0] ?? 0) + (after?.[0] ?? 0)) / 2, y: ((before?.[1] ?? 0) + (after?.[1] ?? 0)) / 2 };
}
