import { compileMatchers, type Labels, nameLabel } from '@vigil/telemetry';
import type { CounterSum } from '@vigil/promql';
import type { SloDefinition } from './compile.js';
import { type Role, roles } from './counts.js';

/** A series' increments count towards `role` of the SLO at index `slo`, with `sign`. */
export interface Attachment {
  readonly slo: number;
  readonly role: Role;
  readonly sign: 1 | -1;
}

interface Term extends Attachment {
  readonly matches: (labels: Labels) => boolean;
}

/** Terms of one metric: by the value of one label that they ask for, and those that ask for none. */
interface NamedTerms {
  readonly byLabel: Map<string, Map<string, Term[]>>;
  readonly rest: Term[];
}

/**
 * Finds what a series counts towards. Terms that state the metric's name are found by it, and by the value of one more
 * label where they state one: 200 SLOs over one metric do not mean 200 comparisons a series.
 */
export class SeriesIndex {
  readonly #byName = new Map<string, NamedTerms>();
  readonly #nameless: Term[] = [];

  constructor(definitions: readonly SloDefinition[]) {
    definitions.forEach(({ sli }, slo) => {
      const part = sli.good ?? sli.bad;
      if (part !== undefined) this.#add(part, slo, roles.part);
      this.#add(sli.total, slo, roles.total);
    });
  }

  attachments(labels: Labels): Attachment[] {
    const found = this.#nameless.filter(({ matches }) => matches(labels));
    const named = this.#byName.get(labels[nameLabel] ?? '');
    if (named === undefined) return found;
    for (const [label, byValue] of named.byLabel) collect(byValue.get(labels[label] ?? ''), labels, found);
    collect(named.rest, labels, found);
    return found;
  }

  #add({ terms }: CounterSum, slo: number, role: Role): void {
    for (const { sign, matchers } of terms) {
      const term: Term = { slo, role, sign, matches: compileMatchers(matchers) };
      const stated = matchers.filter(({ op }) => op === '=');
      const name = stated.find((matcher) => matcher.name === nameLabel)?.value;
      if (name === undefined) {
        this.#nameless.push(term);
        continue;
      }
      let named = this.#byName.get(name);
      if (named === undefined) this.#byName.set(name, (named = { byLabel: new Map(), rest: [] }));
      const label = stated.find((matcher) => matcher.name !== nameLabel);
      if (label === undefined) {
        named.rest.push(term);
        continue;
      }
      let byValue = named.byLabel.get(label.name);
      if (byValue === undefined) named.byLabel.set(label.name, (byValue = new Map<string, Term[]>()));
      const alike = byValue.get(label.value);
      if (alike === undefined) byValue.set(label.value, [term]);
      else alike.push(term);
    }
  }
}

function collect(terms: readonly Term[] | undefined, labels: Labels, found: Attachment[]): void {
  for (const term of terms ?? []) if (term.matches(labels)) found.push(term);
}
