import {
	NodeConnectionTypes,
	type INodeType,
	type INodeTypeDescription,
	type ITriggerFunctions,
	type ITriggerResponse,
} from 'n8n-workflow';
import { batchSizeParameter, startQueueTrigger, triggerOptions } from '../shared/n8n/jobTrigger';
import { queueParameter } from '../shared/n8n/queueName';

export class TikLiveQueueTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'TikLiveAPI Queue Trigger',
		name: 'tikLiveQueueTrigger',
		icon: { light: 'file:../../icons/tiklive.svg', dark: 'file:../../icons/tiklive.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ "queue: " + $parameter["queue"] }}',
		description: 'Works off a queue of TikTok look-ups and starts the workflow with the results',
		eventTriggerDescription: 'Waiting for a job of the queue',
		activationMessage: 'The queue is worked off as long as this workflow is active.',
		defaults: { name: 'TikLiveAPI Queue Trigger' },
		triggerPanel: {
			header: '',
			executionsHelp: {
				inactive:
					"<b>While building your workflow</b>, click the 'execute step' button: it takes one batch of jobs from the queue that is named here, which then counts as done if the workflow succeeds.<br /> <br /><b>Once you're happy with your workflow</b>, publish it. Then the queue is worked off all the time; these executions show up in the <a data-key='executions'>executions list</a>, but not in the editor.",
				active:
					"<b>While building your workflow</b>, click the 'execute step' button: it takes one batch of jobs from the queue that is named here, which then counts as done if the workflow succeeds.<br /> <br /><b>The queue is also worked off all the time</b>, since the workflow is active. These executions show up in the <a data-key='executions'>executions list</a>, but not in the editor.",
			},
			activationHint:
				'Once you’ve finished building your workflow, publish it to have the queue worked off all the time',
		},
		inputs: [],
		outputs: [NodeConnectionTypes.Main, NodeConnectionTypes.Main],
		outputNames: ['Results', 'Dead Letters'],
		credentials: [{ name: 'tikLiveApi', required: true }],
		properties: [
			{
				displayName:
					'Each record says in "jobId", "jobQueue" and "jobUser" what it was asked for. Jobs that fail for good leave by the second output; they can be seen, retried and deleted with the TikLiveAPI Queue node.',
				name: 'notice',
				type: 'notice',
				default: '',
			},
			{
				...queueParameter,
				description:
					'The name of the queue to work off: the one that the jobs were added to. Up to 64 letters, digits, hyphens and underscores.',
				hint: 'While building, use a queue of its own: a test run takes jobs like any other',
			},
			{
				displayName: 'Complete Jobs When',
				name: 'completeWhen',
				type: 'options',
				options: [
					{
						name: 'Execution Finishes',
						value: 'finished',
						description: 'After the execution, no matter whether it was successful or not',
					},
					{
						name: 'Execution Finishes Successfully',
						value: 'success',
						description:
							'After a successful execution. Otherwise the jobs come back later; their stored answers are not paid for again.',
					},
					{
						name: 'Immediately',
						value: 'immediately',
						description: 'As soon as the results are there',
					},
				],
				default: 'success',
				description: 'When the jobs of an execution count as done',
			},
			batchSizeParameter,
			triggerOptions,
		],
	};

	async trigger(this: ITriggerFunctions): Promise<ITriggerResponse> {
		return await startQueueTrigger(this);
	}
}
