import { findSourceMap } from 'node:module';
/** Runs `work`; all its data calls are one trace. Inside another trace they belong to that one.
 *  @template T @param {string} route the name of the trace, without values: 'GET /creators/[id]'
 *  @param {() => T | PromiseLike<T>} work @returns {Promise<T>} */
export declare function trace<T>(route: string, work: () => T | PromiseLike<T>): Promise<T>;
/** A new trace, for `within`. @param {string} [route] */
export declare function started(route?: string): {
    id: string;
    route: string | undefined;
};
/** Runs `work` as a part of a started trace. Inside another trace its data calls belong to that one.
 *  @template T @param {{ id: string, route?: string }} parent @param {() => T | PromiseLike<T>} work @returns {Promise<T>} */
export declare function within<T>(parent: {
    id: string;
    route?: string;
}, work: () => T | PromiseLike<T>): Promise<T>;
/** A `fetch` for createClient's `global.fetch`: sends data calls to fanin, with the headers, and all other calls unchanged.
 *  @param {object} options
 *  @param {string} options.project the URL that createClient gets
 *  @param {string} [options.fanin] the address of fanin; without it nothing is changed
 *  @param {boolean} [options.traceparent] whether the trace id is sent as W3C traceparent: Next.js's Data Cache compares
 *    all other headers. Leave it false if OpenTelemetry sets the header
 *  @param {boolean} [options.callers] whether to send the source line of each call; this reads the stack for each call
 *  @param {typeof fetch} [options.send] the function that sends requests
 *  @returns {typeof fetch} */
export declare function tracedFetch({ project, fanin, traceparent, callers, send }: {
    project: string;
    fanin?: string;
    traceparent?: boolean;
    callers?: boolean;
    send?: typeof fetch;
}): typeof fetch;
/** The first caller in the application's own code, as file:line; undefined if there is none. In a bundle, it is the position
 *  in the sources if Node reads source maps, as with `next dev` or `node --enable-source-maps`.
 *  @param {[file: string | null, line: number, column: number][]} callers @param {string} root paths are relative to it */
export declare function sourceLine(callers: [file: string | null, line: number, column: number][], root?: string, mapOf?: typeof findSourceMap): string | undefined;
