/** Quantities: `quantity("1Gi").add(quantity("1"))` (k8s.io/apiserver/pkg/cel/library/quantity.go). */
import { parseQuantity, Quantity, QuantityError } from "../../quantity.ts";
import { type Library, member, overload } from "../declarations.ts";
import { struct, types } from "../types.ts";
import { CelError, ObjectValue, type Value } from "../values.ts";

const { bool, double, int, string } = types;
export const quantityType = struct("kubernetes.Quantity");

export class QuantityValue extends ObjectValue {
  readonly type = quantityType;
  override readonly onlyWithItsLike = true;
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  equals(other: Value): boolean {
    return other instanceof QuantityValue && this.quantity.cmp(other.quantity) === 0;
  }
}

function parse(text: string): Value {
  try {
    return new QuantityValue(parseQuantity(text));
  } catch (error) {
    if (error instanceof QuantityError) return new CelError(error.message);
    throw error;
  }
}
type Q = QuantityValue;
const pair = [quantityType, quantityType] as const;
const plus = (a: Q, b: Quantity): Value => new QuantityValue(a.quantity.add(b));
const minus = (a: Q, b: Quantity): Value => new QuantityValue(a.quantity.sub(b));
const number = (value: bigint): Quantity => new Quantity(value, 0, "DecimalExponent");

export const quantity: Library = {
  types: [quantityType],
  functions: {
    quantity: [overload("string_to_quantity", [string], quantityType, parse)],
    isQuantity: [overload("is_quantity_string", [string], bool, (text: string) => !(parse(text) instanceof CelError))],
    sign: [overload("quantity_sign", [quantityType], int, ({ quantity: q }: Q) => BigInt(q.sign()))],
    isGreaterThan: [member("quantity_is_greater_than", pair, bool, (a: Q, b: Q) => a.quantity.cmp(b.quantity) > 0)],
    isLessThan: [member("quantity_is_less_than", pair, bool, (a: Q, b: Q) => a.quantity.cmp(b.quantity) < 0)],
    compareTo: [member("quantity_compare_to", pair, int, (a: Q, b: Q) => BigInt(a.quantity.cmp(b.quantity)))],
    asApproximateFloat: [member("quantity_get_float", [quantityType], double, ({ quantity: q }: Q) => q.toNumber())],
    asInteger: [member("quantity_get_int", [quantityType], int, ({ quantity: q }: Q) => q.asInt64() ?? new CelError("cannot convert value to integer"))],
    isInteger: [member("quantity_is_integer", [quantityType], bool, ({ quantity: q }: Q) => q.asInt64() !== undefined)],
    add: [
      member("quantity_add", pair, quantityType, (a: Q, b: Q) => plus(a, b.quantity)),
      member("quantity_add_int", [quantityType, int], quantityType, (a: Q, b: bigint) => plus(a, number(b))),
    ],
    sub: [
      member("quantity_sub", pair, quantityType, (a: Q, b: Q) => minus(a, b.quantity)),
      member("quantity_sub_int", [quantityType, int], quantityType, (a: Q, b: bigint) => minus(a, number(b))),
    ],
  },
};
