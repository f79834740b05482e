/** An expression that is well typed and that nothing can evaluate all the same. */
export class PlanError extends Error {}
