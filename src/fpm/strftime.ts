// Times as C's strftime writes them, in the C locale: what `access.format` and the logs of php-fpm are made with.

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const DAY = 24 * 60 * 60 * 1000;

const two = (value: number): string => String(value).padStart(2, "0");
const padded = (value: number): string => String(value).padStart(2, " ");
const twelve = (date: Date): number => date.getHours() % 12 || 12;

const FIELDS: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => dayName(date).slice(0, 3),
  A: dayName,
  b: (date) => monthName(date).slice(0, 3),
  B: monthName,
  c: (date) => strftime("%a %b %e %H:%M:%S %Y", date),
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  d: (date) => two(date.getDate()),
  D: (date) => strftime("%m/%d/%y", date),
  e: (date) => padded(date.getDate()),
  F: (date) => strftime("%Y-%m-%d", date),
  g: (date) => two(isoWeek(date).year % 100),
  G: (date) => String(isoWeek(date).year),
  h: (date) => monthName(date).slice(0, 3),
  H: (date) => two(date.getHours()),
  I: (date) => two(twelve(date)),
  j: (date) => String(dayOfYear(date) + 1).padStart(3, "0"),
  k: (date) => padded(date.getHours()),
  l: (date) => padded(twelve(date)),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  n: () => "\n",
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  P: (date) => (date.getHours() < 12 ? "am" : "pm"),
  r: (date) => strftime("%I:%M:%S %p", date),
  R: (date) => strftime("%H:%M", date),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => two(date.getSeconds()),
  t: () => "\t",
  T: (date) => strftime("%H:%M:%S", date),
  u: (date) => String(date.getDay() || 7),
  U: (date) => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => String(date.getDay()),
  W: (date) => two(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: (date) => strftime("%m/%d/%y", date),
  X: (date) => strftime("%H:%M:%S", date),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  z: zone,
  Z: zoneName,
  "%": () => "%",
};

/**
 * Writes a time as strftime(3) does with `LC_TIME=C`, in the time zone of the platform (UTC on Workers). A conversion
 * that does not exist stays as it is, as in glibc; the modifiers `E` and `O` change nothing in that locale.
 */
export function strftime(format: string, date: Date): string {
  return format.replace(/%[EO]?([a-zA-Z%])/g, (whole, letter: string) => FIELDS[letter]?.(date) ?? whole);
}

/** `23/Nov/2026:00:40:01 +0000`: php-fpm's time on the status page and the default of `%t`. */
export function accessTime(milliseconds: number): string {
  return strftime("%d/%b/%Y:%H:%M:%S %z", new Date(milliseconds));
}

/** `23-Nov-2026 00:40:01`: php-fpm's time in error_log and slowlog. */
export function logTime(milliseconds: number): string {
  return strftime("%d-%b-%Y %H:%M:%S", new Date(milliseconds));
}

function dayName(date: Date): string {
  return DAYS[date.getDay()] ?? "";
}

function monthName(date: Date): string {
  return MONTHS[date.getMonth()] ?? "";
}

/** 0 on the first of January. */
function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((day - Date.UTC(date.getFullYear(), 0, 1)) / DAY);
}

/** ISO 8601: the week that holds the Thursday, and that Thursday's year. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7), 12);
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const offset = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(offset / 60))}${two(offset % 60)}`;
}

/** The zone's letters where the platform knows them. JavaScript calls many zones by their offset only. */
function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
}
