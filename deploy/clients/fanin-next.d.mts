/** A route handler whose data calls are one trace. Without `route`, the name is made from the request, with the names of
 *  parameters in place of their values: 'GET /creators/[id]'.
 *  @template {(request: Request, context?: any) => any} H @param {H} handler @param {string} [route] @returns {H} */
export declare function withFanin<H extends (request: Request, context?: any) => any>(handler: H, route?: string): H;
/** A server action, or a server component (page, layout). All wrapped components that are rendered for one request are one
 *  trace. The components that it renders run later: wrap those that read data too.
 *  @template {(...args: any[]) => any} C
 *  @param {string | undefined} route 'page /creators/[id]'; undefined for a component of several pages: the page names the trace
 *  @param {C} component @returns {C} */
export declare function tracedAs<C extends (...args: any[]) => any>(route: string | undefined, component: C): C;
