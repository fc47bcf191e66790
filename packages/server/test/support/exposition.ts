/** Reads the text format of Prometheus (0.0.4), and takes nothing that the format does not allow. */

/** A scrape, taken apart. */
export interface Exposition {
  /** The value of each series, by its name and labels as they stand: `up`, `ended{reason="logout"}`. */
  readonly values: ReadonlyMap<string, number>;
  /** The type of each metric. */
  readonly types: ReadonlyMap<string, string>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`;
const HELP = new RegExp(`^# HELP (${NAME}) (?:[^\\\\]|\\\\[\\\\n])+$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const SAMPLE = new RegExp(`^(${NAME})((?:\\{${LABEL}(?:,${LABEL})*\\})?) (-?[\\d.]+(?:e[+-]?\\d+)?|Nan|[+-]Inf)$`);

/** @throws Error with the line that is not right */
export function readExposition(text: string): Exposition {
  if (!text.endsWith("\n")) throw new Error("The last line does not end");
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  const helped = new Set<string>();
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const help = HELP.exec(line)?.[1];
    const type = TYPE.exec(line);
    const sample = SAMPLE.exec(line);
    if (help !== undefined && !helped.has(help)) helped.add(help);
    else if (type !== null && !types.has(type[1] as string)) types.set(type[1] as string, type[2] as string);
    else if (sample !== null) {
      const [, name = "", labels = "", value = ""] = sample;
      const family = name.replace(/_(?:bucket|sum|count)$/, "");
      if (!types.has(name) && !types.has(family)) throw new Error(`No type before: ${line}`);
      if (values.has(name + labels)) throw new Error(`Twice: ${line}`);
      values.set(name + labels, Number(value.replace("Inf", "Infinity")));
    } else throw new Error(`Expected a line of the format, got ${line}`);
  }
  return { values, types };
}
