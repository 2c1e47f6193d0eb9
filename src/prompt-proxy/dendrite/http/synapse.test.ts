import { expect, test } from 'vitest'
import { parseSynapses, SUBNET_1 } from './synapse.js'

test('synapses are read from text', () => {
  expect(parseSynapses('Prompting:messages/StreamPrompting:messages')).toEqual(SUBNET_1)
  expect(parseSynapses('Prompting/StreamPrompting')).toEqual(SUBNET_1)
  expect(parseSynapses('Chat:roles+messages')).toEqual({ plain: { name: 'Chat', streams: false, hashFields: ['roles', 'messages'] } })
})
