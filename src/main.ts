#!/usr/bin/env node
/** The command line. Commands are in src/cli, one file each; nothing imports this file. */
import { runCli } from './cli/program.js'

// Sockets that a library keeps open must not hold up the shell once everything has been closed.
process.exit(await runCli(process.argv.slice(2)))
