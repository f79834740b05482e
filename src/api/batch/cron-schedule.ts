/**
 * Cron schedules as upstream's parser (github.com/robfig/cron/v3, ParseStandard) reads them: five fields, names of months
 * and days, `@daily` and its like, `@every 1h30m`, a leading `TZ=` or `CRON_TZ=`. Pure.
 */
import { goQuote } from "../go-quote.ts";
import { parseDuration } from "../time.ts";
import { table } from "../../base/table.ts";

export class CronScheduleError extends Error {
  override name = "CronScheduleError";
}

export interface CronSchedule {
  /** The first time after `ms` (since the epoch); undefined when there is none within five years. */
  next(ms: number): number | undefined;
}

interface Field {
  values: ReadonlySet<number>;
  /** `*` or `?`: with both day fields given, either may match. */
  any: boolean;
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const descriptors = table<string>({
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
});
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

function inZone(text: string, zone: string): CronSchedule {
  try {
    return parseCronSchedule(text, zone);
  } catch (error) {
    const unknown = error instanceof CronScheduleError && error.message === `unknown time zone ${zone}`;
    throw unknown ? new CronScheduleError(`provided bad location ${zone}: ${error.message}`) : error;
  }
}

/** `zone` is an IANA name, the machine's own when absent. Throws CronScheduleError with upstream's text. */
export function parseCronSchedule(text: string, zone?: string): CronSchedule {
  const prefixed = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text);
  if (prefixed) return inZone(prefixed[2] as string, prefixed[1] as string);
  if (text === "") throw new CronScheduleError("empty spec string");
  if (text.startsWith("@every ")) return every(text);
  const spec = text.startsWith("@") ? descriptors[text] : text;
  if (spec === undefined) throw new CronScheduleError(`unrecognized descriptor: ${text}`);
  const parts = spec.trim().split(/\s+/);
  if (parts.length !== 5) throw new CronScheduleError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`);
  const [minutes, hours, dom, month, dow] = parts as [string, string, string, string, string];
  return new FieldSchedule(
    {
      minutes: field(minutes, 0, 59),
      hours: field(hours, 0, 23),
      dom: field(dom, 1, 31),
      months: field(month, 1, 12, (name) => months.indexOf(name) + 1),
      dow: field(dow, 0, 6, (name) => days.indexOf(name)),
    },
    localClock(zone),
  );
}

function every(text: string): CronSchedule {
  let ms: number;
  try {
    ms = parseDuration(text.slice("@every ".length));
  } catch (error) {
    throw new CronScheduleError(`failed to parse duration ${text}: ${error instanceof Error ? error.message : error}`);
  }
  const period = Math.max(1000, Math.floor(ms / 1000) * 1000);
  return { next: (at) => Math.floor(at / 1000) * 1000 + period };
}

function field(text: string, min: number, max: number, named: (name: string) => number = () => -1): Field {
  const values = new Set<number>();
  let any = false;
  const number = (part: string): number => {
    const byName = /^[a-z]+$/i.test(part) ? named(part.toLowerCase()) : -1;
    if (byName >= min) return byName;
    if (!/^\d+$/.test(part)) throw new CronScheduleError(`failed to parse int from ${part}: strconv.Atoi: parsing ${goQuote(part)}: invalid syntax`);
    return Number(part);
  };
  for (const part of text.split(",")) {
    const [range = "", stepText, ...more] = part.split("/");
    if (more.length) throw new CronScheduleError(`too many slashes: ${part}`);
    const step = stepText === undefined ? 1 : number(stepText);
    let [start, end] = [min, max];
    const [low = "", high, ...rest] = range.split("-");
    // Upstream looks at nothing that follows these.
    if (low === "*" || low === "?") any ||= step === 1;
    else {
      if (rest.length) throw new CronScheduleError(`too many hyphens: ${part}`);
      start = number(low);
      end = high !== undefined ? number(high) : stepText === undefined ? start : max;
    }
    if (start < min) throw new CronScheduleError(`beginning of range (${start}) below minimum (${min}): ${part}`);
    if (end > max) throw new CronScheduleError(`end of range (${end}) above maximum (${max}): ${part}`);
    if (start > end) throw new CronScheduleError(`beginning of range (${start}) beyond end of range (${end}): ${part}`);
    if (step === 0) throw new CronScheduleError(`step of range should be a positive number: ${part}`);
    for (let i = start; i <= end; i += step) values.add(i);
  }
  return { values, any };
}

interface Fields {
  minutes: Field;
  hours: Field;
  dom: Field;
  months: Field;
  dow: Field;
}

class FieldSchedule implements CronSchedule {
  readonly #fields: Fields;
  /** Wall clock of a moment, as if it were UTC. */
  readonly #local: (ms: number) => number;

  constructor(fields: Fields, local: (ms: number) => number) {
    this.#fields = fields;
    this.#local = local;
  }

  next(ms: number): number | undefined {
    const { minutes, hours, months: monthField } = this.#fields;
    let at = Math.floor(ms / minute) * minute + minute;
    const last = at + 5 * 366 * day;
    while (at <= last) {
      const wall = new Date(this.#local(at));
      if (!monthField.values.has(wall.getUTCMonth() + 1)) at = this.#forward(at, Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 1));
      else if (!this.#isDay(wall)) at = this.#forward(at, Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate() + 1));
      else if (!hours.values.has(wall.getUTCHours())) at += hour - (wall.getTime() % hour);
      else if (!minutes.values.has(wall.getUTCMinutes())) at += minute;
      else return at;
    }
    return undefined;
  }

  /** To the first moment whose wall clock shows `wall` or later, also across a change of the offset. */
  #forward(at: number, wall: number): number {
    let moment = at + (wall - this.#local(at));
    while (this.#local(moment) > wall && this.#local(moment - 15 * minute) >= wall) moment -= 15 * minute;
    while (this.#local(moment) < wall) moment += 15 * minute;
    return moment;
  }

  #isDay(wall: Date): boolean {
    const { dom, dow } = this.#fields;
    const [byDate, byWeekday] = [dom.values.has(wall.getUTCDate()), dow.values.has(wall.getUTCDay())];
    return dom.any || dow.any ? byDate && byWeekday : byDate || byWeekday;
  }
}

/** Throws CronScheduleError for a zone that does not exist. */
function localClock(zone: string | undefined): (ms: number) => number {
  if (zone === "UTC") return (ms) => ms;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      ...(zone ? { timeZone: zone } : {}),
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw new CronScheduleError(`unknown time zone ${zone}`);
  }
  return (ms) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) part[type] = Number(value);
    return Date.UTC(part.year as number, (part.month as number) - 1, part.day, part.hour, part.minute, part.second);
  };
}
