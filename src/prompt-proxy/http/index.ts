export type { PromptLimits } from './input.js'
export { promptRoutes, type PromptRoutesDeps } from './routes.js'
