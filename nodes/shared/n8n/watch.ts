import type { INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import { Alarm, failedWith, placeOf, type Failed } from './alarm';
import { occasionOfPoll, type Occasion } from './occasion';
import { hostOf, processRuntimes } from './runtime';
import { readCredential } from './settings';
import { readWatchRequest } from './watchParameters';
import { NobodyRead, Watch } from './watchPoll';

/**
 * One poll of the TikLiveAPI Trigger. A user's events and cursor go together: those of a user who could not be read
 * come with a later poll, and cost the others nothing.
 *
 * When nobody can be read the poll fails, as often as alerts.ts says; those in between tell nothing. The poll with
 * which n8n activates the trigger never fails for what may pass: that would be the end of the trigger.
 *
 * @returns null when there is nothing to tell
 * @throws NodeApiError | NodeOperationError when a parameter is wrong, or not one user could be read; n8n's poll
 *   scheduler reads in its `failure` when to come back
 */
export async function pollWatch(context: IPollFunctions): Promise<INodeExecutionData[][] | null> {
	const occasion = occasionOfPoll(context);
	if (occasion === 'test') {
		const sample = await attempt(context, async (watch) => await watch.sample());
		if (sample.failed) throw sample.failed.error;
		return sample.result;
	}
	const alarm = new Alarm(context, context.getWorkflowStaticData('node'));
	if (occasion !== 'schedule') alarm.beginAnew();
	const wasInTrouble = alarm.trouble !== undefined;
	const { result, failed } = await attempt(
		context,
		async (watch) => await watch.poll(occasion === 'publish', wasInTrouble),
	);
	if (failed) return settle(context, occasion, alarm, failed);
	switch (result.news) {
		case 'well':
			alarm.well();
			return result.items;
		case 'unasked':
			// It is as it was.
			return alarm.last ? settle(context, occasion, alarm, alarm.last) : null;
		case 'busy':
			return null;
	}
}

/** @throws what n8n is to be told now */
function settle(context: IPollFunctions, occasion: Occasion, alarm: Alarm, failed: Failed): null {
	if (occasion === 'publish' && failed.isForAPerson) {
		alarm.refused(failed);
		throw failed.error;
	}
	const { tell } = alarm.failed(failed, occasion === 'schedule');
	if (tell) throw failed.error;
	if (occasion !== 'schedule') {
		const { message } = failed.error;
		hostOf(context).warn(`${placeOf(context)}: ${message}; the next poll tries again`);
	}
	return null;
}

type Attempt<T> = { result: T; failed?: undefined } | { result?: undefined; failed: Failed };

async function attempt<T>(
	context: IPollFunctions,
	work: (watch: Watch) => Promise<T>,
): Promise<Attempt<T>> {
	const node = context.getNode();
	let apiKey = '';
	try {
		const request = readWatchRequest(context);
		const connection = readCredential(node, await context.getCredentials('tikLiveApi'));
		({ apiKey } = connection.settings);
		const result = await processRuntimes().use(
			connection,
			hostOf(context),
			async (runtime) => await work(new Watch(context, request, runtime, apiKey)),
		);
		return { result };
	} catch (problem) {
		const { cause, users } =
			problem instanceof NobodyRead ? problem : { cause: problem, users: [] };
		return { failed: failedWith(cause, { node, apiKey, users, isPoll: true }) };
	}
}
