import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Submission } from '../../chain/submit/index.js'
import type { Hex } from '../../core/records.js'

/** Keeps what was signed before it is sent, so that after a crash it is looked for on the chain, and not sent a second time. */
export interface Journal {
  read(netuid: number, hotkey: Hex): Promise<Submission | null>
  write(submission: Submission): Promise<void>
  remove(submission: Pick<Submission, 'netuid' | 'hotkey'>): Promise<void>
}

export function openJournal(folder: string, genesisHash: Hex): Journal {
  const fileOf = (netuid: number, hotkey: Hex): string => join(folder, `${genesisHash.slice(2, 18)}-${netuid}-${hotkey.slice(2)}.json`)
  return {
    async read(netuid, hotkey) {
      try {
        return JSON.parse(await readFile(fileOf(netuid, hotkey), 'utf8')) as Submission
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    async write(submission) {
      const file = fileOf(submission.netuid, submission.hotkey)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeFile(`${file}.new`, JSON.stringify(submission), { mode: 0o600, flush: true })
      await rename(`${file}.new`, file)
    },
    remove: ({ netuid, hotkey }) => rm(fileOf(netuid, hotkey), { force: true }),
  }
}
