import { Limit } from './wire/protocol.js';
import { decodeText, hasLoneSurrogate } from './wire/text.js';

/** Why a name or filter is refused (docs/protocol/topics.md). */
export type TopicProblem =
  | 'empty'
  | 'too_long'
  | 'too_many_levels'
  | 'invalid_utf8'
  | 'contains_nul'
  | 'wildcard_in_name'
  | 'wildcard_inside_level'
  | 'multi_level_not_last'
  | 'reserved_prefix'
  | 'bad_group';

const descriptions: Record<TopicProblem, string> = {
  empty: 'it is empty; write at least one level.',
  too_long: `it has more than ${Limit.topic} bytes of UTF-8; shorten it.`,
  too_many_levels: `it has more than ${Limit.levels} levels; use fewer '/'.`,
  invalid_utf8: 'it is not valid Unicode; remove the lone surrogates or broken bytes.',
  contains_nul: 'it holds NUL; remove that character.',
  wildcard_in_name: "the characters '*', '+' and '#' are for filters; publish to a name without them.",
  wildcard_inside_level: "a wildcard stands for a whole level; write 'a/*' and not 'a*'.",
  multi_level_not_last: "'#' and '**' may only be the last level.",
  reserved_prefix: "'$share' is for groups: write '$share/<group>/<filter>', or another first level.",
  bad_group: "a group is '$share/<group>/<filter>' with 1 to 64 bytes of name without '/', '*', '+' and '#'.",
};

/** What is wrong and what to do about it, to follow a colon. */
export function describeProblem(problem: TopicProblem): string {
  return descriptions[problem];
}

const nul = '\u0000';
const groupPrefix = '$share';

function checkText(text: string): TopicProblem | undefined {
  if (text.length === 0) return 'empty';
  if (text.includes(nul)) return 'contains_nul';
  if (hasLoneSurrogate(text)) return 'invalid_utf8';
  if (text.length > Limit.topic || Buffer.byteLength(text) > Limit.topic) return 'too_long';
  let levels = 1;
  for (let i = text.indexOf('/'); i >= 0; i = text.indexOf('/', i + 1)) levels++;
  return levels > Limit.levels ? 'too_many_levels' : undefined;
}

/** Checks a topic name; undefined: it is good. */
export function checkTopic(name: string): TopicProblem | undefined {
  return checkText(name) ?? (/[*+#]/.test(name) ? 'wildcard_in_name' : undefined);
}

/** Whether a name is the system's, so that applications may not publish to it. */
export function isReservedTopic(name: string): boolean {
  return name.startsWith('$') && !name.startsWith('$reply/');
}

/** A filter that was read: its canonical spelling, or why it is refused. */
export type FilterReading = { canonical: string; group?: string } | { problem: TopicProblem };

function readLevels(text: string): FilterReading {
  const levels = text.split('/');
  if (levels[0] === groupPrefix) return { problem: 'reserved_prefix' };
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i]!;
    if (level === '+') levels[i] = '*';
    else if (level === '#' || level === '**') {
      if (i !== levels.length - 1) return { problem: 'multi_level_not_last' };
      levels[i] = '#';
    } else if (level !== '*' && /[*+#]/.test(level)) return { problem: 'wildcard_inside_level' };
  }
  return { canonical: levels.join('/') };
}

/** Reads a plain filter. */
export function readPlainFilter(text: string): FilterReading {
  const problem = checkText(text);
  return problem === undefined ? readLevels(text) : { problem };
}

/** Reads a filter, also one of a group. */
export function readFilter(text: string): FilterReading {
  if (text !== groupPrefix && !text.startsWith(`${groupPrefix}/`)) return readPlainFilter(text);
  const [, group, ...rest] = text.split('/');
  if (group === undefined || rest.length === 0 || group === '' || /[*+#]/.test(group)
    || Buffer.byteLength(group) > Limit.groupName) {
    return { problem: 'bad_group' };
  }
  const filter = rest.join('/');
  const problem = checkText(text) ?? (filter === '' ? 'empty' : undefined);
  if (problem !== undefined) return { problem };
  const reading = readLevels(filter);
  return 'problem' in reading ? reading : { canonical: `${groupPrefix}/${group}/${reading.canonical}`, group };
}

/** Reads a name as it came over the wire; undefined: it breaks a rule. */
export function topicFromWire(bytes: Buffer, from: number, to: number): string | undefined {
  if (to - from < 1 || to - from > Limit.topic) return undefined;
  const text = decodeText(bytes, from, to);
  return text !== undefined && checkTopic(text) === undefined ? text : undefined;
}
