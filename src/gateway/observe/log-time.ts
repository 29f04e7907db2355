// The time in a log, in the machine's time zone, as nginx writes it.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** `28/Sep/1970:12:00:00 +0600`. */
export function localTime(milliseconds: number): string {
  return remembered(milliseconds).local;
}

/** `1970-09-28T12:00:00+06:00`. */
export function isoTime(milliseconds: number): string {
  return remembered(milliseconds).iso;
}

interface Second {
  readonly second: number;
  readonly local: string;
  readonly iso: string;
}

let last: Second = { second: Number.NaN, local: "", iso: "" };

/** Most lines are of the same second as the one before. */
function remembered(milliseconds: number): Second {
  const second = Math.floor(milliseconds / 1000);
  if (last.second === second) return last;
  const date = new Date(second * 1000);
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const hours = two(Math.floor(Math.abs(offset) / 60));
  const minutes = two(Math.abs(offset) % 60);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = two(date.getDate());
  const year = String(date.getFullYear()).padStart(4, "0");
  last = {
    second,
    local: `${day}/${MONTHS[date.getMonth()]}/${year}:${clock} ${sign}${hours}${minutes}`,
    iso: `${year}-${two(date.getMonth() + 1)}-${day}T${clock}${sign}${hours}:${minutes}`,
  };
  return last;
}
