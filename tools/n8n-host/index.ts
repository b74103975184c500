/**
 * A real n8n for tests and for `npm start`: installed once into a cache folder, with this package in it
 * as n8n itself installs it.
 */
export { endAllChildren } from './children.ts';
export { N8nCli, type CredentialFile, type WorkflowFile } from './cli.ts';
export { cacheFolder, ensureN8n, N8N_VERSION, type N8nHost } from './install.ts';
export { tryLock } from './lock.ts';
export { installPackage, packPackage, type PackedPackage } from './package.ts';
export { freePort } from './ports.ts';
export {
	N8nRest,
	newOwner,
	type CredentialTest,
	type DataTableColumn,
	type Owner,
} from './rest.ts';
export type { NodeRun, Run, RunItem } from './run.ts';
export { startN8n, startWorker, type N8nServer } from './server.ts';
export { startSimulator, type Simulator, type SimulatorReport } from './simulator.ts';
