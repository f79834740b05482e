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
  /** Asked again, for ten seconds at most, until it prints this: upstream publishes the schemas of definitions when it finds time. */
  until?: string;
  /** The order of its lines is chance on upstream. */
  unordered?: boolean;
}
