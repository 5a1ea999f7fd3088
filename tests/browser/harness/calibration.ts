/**
 * A calibration by which every answer of a model file stands with the same probability, so that a test does not depend
 * on what was measured. `sha256`: of the file.
 */
export function everyAnswerStands(probability: number, sha256: string): object {
  const curve = { weights: [0, 0, 0, 0, 0, 0], knots: [{ score: 0, probability }] };
  return {
    model: { sha256, name: 'a model', quantization: 'any' },
    questions: [],
    whole: { alone: curve },
    beginning: { alone: curve },
  };
}
