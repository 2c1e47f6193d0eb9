export { promptGrpc, type PromptGrpcOptions } from './front.js'
