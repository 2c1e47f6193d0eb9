import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** GraphiQL as its authors publish it for browsers, and the React it needs: files of the installed packages, served as they are. */

export interface Asset {
  /** Names the version, so that what is at a path never changes. */
  path: string
  type: string
  /** Read and compressed once, when it is first asked for. */
  load(): Promise<{ plain: Buffer; gzipped: Buffer }>
}

export interface Assets {
  styles: readonly Asset[]
  /** In the order in which they are to run. */
  scripts: readonly Asset[]
}

export async function findAssets(): Promise<Assets> {
  const [react, reactDom, graphiql] = await Promise.all([packageAt('react'), packageAt('react-dom'), packageAt('graphiql')])
  return {
    styles: [graphiql('graphiql.min.css', 'text/css')],
    scripts: [
      react('umd/react.production.min.js', 'text/javascript'),
      reactDom('umd/react-dom.production.min.js', 'text/javascript'),
      graphiql('graphiql.min.js', 'text/javascript'),
    ],
  }
}

/** Makes assets of a package's files. Packages export their package.json but not these files, so the folder is taken from there. */
async function packageAt(name: string): Promise<(file: string, type: string) => Asset> {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  return (file, type) => {
    let loaded: ReturnType<Asset['load']> | undefined
    return {
      path: `/graphiql/${name}@${version}/${file.slice(file.lastIndexOf('/') + 1)}`,
      type: `${type}; charset=utf-8`,
      load: () =>
        (loaded ??= readBoth(join(dirname(manifest), file)).catch((error: unknown) => {
          loaded = undefined
          throw error
        })),
    }
  }
}

async function readBoth(path: string): Promise<{ plain: Buffer; gzipped: Buffer }> {
  const plain = await readFile(path)
  return { plain, gzipped: await promisify(gzip)(plain) }
}
