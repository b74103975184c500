import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import {
	JOB_KIND_CHOICES,
	jobOptions,
	kindsOption,
	prioritiesOption,
	statesOption,
} from '../shared/n8n/jobParameters';
import { executeQueue } from '../shared/n8n/jobQueue';
import {
	limitParameter,
	returnAllParameter,
	simplifyParameter,
} from '../shared/n8n/listParameters';
import { queueParameter } from '../shared/n8n/queueName';
import { lostExpression } from '../shared/n8n/optionValues';
import { userParameter } from '../shared/n8n/userParameter';

export class TikLiveQueue implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'TikLiveAPI Queue',
		name: 'tikLiveQueue',
		icon: { light: 'file:../../icons/tiklive.svg', dark: 'file:../../icons/tiklive.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
		description:
			'Queue TikTok look-ups that outlive outages and restarts, and see to those that failed for good',
		defaults: { name: 'TikLiveAPI Queue' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: 'tikLiveApi', required: true }],
		properties: [
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				options: [
					{ name: 'Dead Letter', value: 'deadLetter' },
					{ name: 'Job', value: 'job' },
				],
				default: 'job',
			},
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['job'] } },
				options: [
					{
						name: 'Add',
						value: 'add',
						description: 'Queue one job for each input item; a Queue Trigger delivers the results',
						action: 'Add a job',
					},
					{
						name: 'Delete',
						value: 'delete',
						description: 'Take back jobs that nobody works on yet',
						action: 'Delete a job',
					},
					{
						name: 'Get Many',
						value: 'getAll',
						description: 'List jobs that wait, are delayed or are being worked on',
						action: 'Get many jobs',
					},
					{
						name: 'Get Status',
						value: 'getStatus',
						description:
							'See how many jobs wait, run, are done or have failed for good, and whether an active workflow works the queue off',
						action: 'Get the status of the queue',
					},
				],
				default: 'add',
			},
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['deadLetter'] } },
				options: [
					{
						name: 'Delete',
						value: 'delete',
						description: 'Delete dead letters for good',
						action: 'Delete a dead letter',
					},
					{
						name: 'Get Many',
						value: 'getAll',
						description: 'List dead letters with the reason and their history, newest first',
						action: 'Get many dead letters',
					},
					{
						name: 'Retry',
						value: 'retry',
						description: 'Put dead letters back into the queue with fresh attempts',
						action: 'Retry a dead letter',
					},
				],
				default: 'getAll',
			},
			{
				displayName: 'Jobs',
				name: 'scope',
				type: 'options',
				options: [
					{
						name: 'All',
						value: 'all',
						description: 'All that wait or are delayed in the queue, once for all input items',
					},
					{
						name: 'By Job ID',
						value: 'one',
						description: 'One for each input item, whatever its queue',
					},
				],
				default: 'one',
				displayOptions: { show: { resource: ['job'], operation: ['delete'] } },
			},
			{
				displayName: 'Dead Letters',
				name: 'scope',
				type: 'options',
				options: [
					{
						name: 'All',
						value: 'all',
						description: 'All of the queue, once for all input items',
					},
					{
						name: 'By Job ID',
						value: 'one',
						description: 'One for each input item, whatever its queue',
					},
				],
				default: 'one',
				displayOptions: { show: { resource: ['deadLetter'], operation: ['delete', 'retry'] } },
			},
			{
				...queueParameter,
				displayOptions: { show: { operation: ['add', 'getAll', 'getStatus'] } },
			},
			{
				...queueParameter,
				displayOptions: { show: { operation: ['delete', 'retry'], scope: ['all'] } },
			},
			{
				displayName: 'Job ID',
				name: 'jobId',
				type: 'string',
				default: '',
				required: true,
				placeholder: 'e.g. 4711',
				description: 'As Add, Get Many and the outputs of the Queue Trigger return it',
				displayOptions: { show: { operation: ['delete', 'retry'], scope: ['one'] } },
			},
			{
				displayName: 'Kind',
				name: 'kind',
				type: 'options',
				options: JOB_KIND_CHOICES,
				default: 'userInfo',
				description: 'What to look up',
				displayOptions: { show: { resource: ['job'], operation: ['add'] } },
			},
			{
				...userParameter,
				displayOptions: { show: { resource: ['job'], operation: ['add'] } },
			},
			{
				...returnAllParameter,
				displayOptions: {
					show: { resource: ['job'], operation: ['add'] },
					hide: { kind: ['userInfo'] },
				},
			},
			{
				...limitParameter,
				displayOptions: {
					show: { resource: ['job'], operation: ['add'], returnAll: [false] },
					hide: { kind: ['userInfo'] },
				},
			},
			{
				...simplifyParameter,
				displayOptions: { show: { resource: ['job'], operation: ['add'] } },
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: [...jobOptions],
				displayOptions: { show: { resource: ['job'], operation: ['add'] } },
			},
			{
				...returnAllParameter,
				displayOptions: { show: { operation: ['getAll'] } },
			},
			{
				...limitParameter,
				displayOptions: {
					show: { operation: ['getAll'], returnAll: [false] },
				},
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: [
					{ ...kindsOption, description: 'Return only jobs of these kinds' },
					lostExpression,
					{ ...statesOption, description: 'Return only jobs in these states' },
				],
				displayOptions: { show: { resource: ['job'], operation: ['getAll'] } },
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: [
					{ ...kindsOption, description: 'Delete only jobs of these kinds' },
					lostExpression,
					{ ...prioritiesOption, description: 'Delete only jobs of these priorities' },
				],
				displayOptions: { show: { resource: ['job'], operation: ['delete'], scope: ['all'] } },
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: [
					{ ...kindsOption, description: 'Return only dead letters of these kinds' },
					lostExpression,
				],
				displayOptions: { show: { resource: ['deadLetter'], operation: ['getAll'] } },
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return await executeQueue(this);
	}
}
