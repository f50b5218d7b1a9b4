export type Finding = {
    code: string;
    impact: string;
    title: string;
    problem: string;
    evidence: string[];
};
/** A finding, with more members than these: docs/reference/audit.md of fanin has them all.
 *  @typedef {{ code: string, impact: string, title: string, problem: string, evidence: string[] }} Finding */
/**
 * Runs `work(fetch)`; the requests sent with that `fetch` are one trace named `route`. Returns the result of `work`, the numbers
 * of the trace, and `summary`, the numbers as text for the message of an assertion.
 * Throws for an answer without the numbers: it did not come through fanin, or fanin runs without `--headers on`.
 *
 * With `admin`, the address of fanin's admin port, the trace is closed, and `findings` has what the rules found in it.
 * @template T @param {string} route @param {(fetch: typeof globalThis.fetch) => T | PromiseLike<T>} work
 * @param {string} [admin]
 * @returns {Promise<{ result: T, queries: number, saved: number, findings: Finding[], summary: string }>}
 */
export declare function counted<T>(route: string, work: (fetch: typeof globalThis.fetch) => T | PromiseLike<T>, admin?: string): Promise<{
    result: T;
    queries: number;
    saved: number;
    findings: Finding[];
    summary: string;
}>;
