/** Command lines that are played one after the other in a namespace of their own. */
export interface Session {
  name: string;
  /** What follows `kubectl`, read by a shell; or that and more. */
  steps: (string | Step)[];
}
export interface Step {
  run: string;
  /** Standard input. */
  in?: string;
  env?: Record<string, string>;
  /** The order of its lines is chance on upstream. */
  unordered?: boolean;
}
