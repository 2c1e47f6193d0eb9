export { openLimits } from './limits.js'
export { openJobs } from './open.js'
export { createJobsMetrics } from './metrics.js'
export type { Bus, JobContext, JobCounts, JobHandler, JobQueue, Jobs, JobsOptions, JobsTiming, JobWorker } from './types.js'
