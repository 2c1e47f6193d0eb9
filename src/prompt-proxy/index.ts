export { startPrompts, type PromptService, type PromptServiceOptions } from './service.js'
