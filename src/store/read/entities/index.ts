import * as accountEntities from './accounts.js'
import * as chainEntities from './chain.js'
import * as neuronEntities from './neurons.js'
import * as subnetEntities from './subnets.js'

/** Every list of the read side by its name. */
export const entities = { ...chainEntities, ...accountEntities, ...subnetEntities, ...neuronEntities }
