import { setTimeout as wait } from 'node:timers/promises';

import type { FaultRates, FaultStep, Matcher, Outage } from './faults.ts';
import type { PersonEdit } from './population.ts';
import type { SimulatorParts } from './responder.ts';

/** Paths that steer the simulator. They are no arrivals and cost nothing. */
export const CONTROL_PREFIX = '/__sim/';

/** What POST /__sim/faults takes; each part may be left out. */
export interface FaultOrder {
	set?: FaultRates;
	script?: { match: Exclude<Matcher, (...args: never[]) => boolean>; faults: FaultStep[] };
	outage?: Outage;
	/** The outage ends by itself after this. `refuse` needs it: it closes this way in too and resets this very request. */
	outageMs?: number;
}

/** What POST /__sim/population takes. */
export interface PopulationOrder {
	publish?: { username: string; posts?: number };
	edit?: { username: string; changes: PersonEdit };
}

/** Answers a request under /__sim/ in JSON. Mistakes of the caller are answered 400 with the reason. */
export async function control(
	parts: SimulatorParts,
	method: string,
	url: URL,
	body: string,
): Promise<{ status: number; body: string }> {
	try {
		const result = await act(parts, `${method} ${url.pathname}`, url.searchParams, body);
		return { status: 200, body: JSON.stringify(result) };
	} catch (error) {
		return { status: 400, body: JSON.stringify({ error: (error as Error).message }) };
	}
}

async function act(
	parts: SimulatorParts,
	order: string,
	params: URLSearchParams,
	body: string,
): Promise<unknown> {
	switch (order) {
		case 'GET /__sim/report':
			return parts.report();
		case 'GET /__sim/truth':
			return truth(parts, params.get('kind') ?? '', params.get('username') ?? '');
		case 'POST /__sim/faults':
			await orderFaults(parts, JSON.parse(body) as FaultOrder);
			return {};
		case 'POST /__sim/population':
			orderPopulation(parts, JSON.parse(body) as PopulationOrder);
			return {};
		case 'POST /__sim/reset':
			parts.reset();
			return {};
		default:
			throw new TypeError(`Unknown order ${order}`);
	}
}

function truth({ truth: known }: SimulatorParts, kind: string, username: string): unknown {
	switch (kind) {
		case 'exists':
		case 'userInfo':
		case 'followers':
		case 'following':
		case 'posts':
			return known[kind](username) ?? null;
		default:
			throw new TypeError(`Unknown kind ${kind}`);
	}
}

async function orderFaults({ faults }: SimulatorParts, order: FaultOrder): Promise<void> {
	onlyKeys(order, ['set', 'script', 'outage', 'outageMs']);
	const { set, script, outage, outageMs } = order;
	if (outage === 'refuse' && outageMs === undefined) {
		throw new TypeError('outage "refuse" needs outageMs');
	}
	if (set) faults.set(set);
	if (script) faults.script(script.match, script.faults);
	if (outage === undefined) return;
	if (outageMs !== undefined) void wait(outageMs).then(() => faults.outage(false));
	await faults.outage(outage);
}

function orderPopulation({ population }: SimulatorParts, order: PopulationOrder): void {
	onlyKeys(order, ['publish', 'edit']);
	if (order.publish) population.publish(order.publish.username, order.publish.posts);
	if (order.edit) population.edit(order.edit.username, order.edit.changes);
}

function onlyKeys(order: object, names: readonly string[]): void {
	const unknown = Object.keys(order).find((name) => !names.includes(name));
	if (unknown !== undefined) throw new TypeError(`Unknown order ${unknown}`);
}
