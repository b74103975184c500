export { decodeBookmark, encodeBookmark, type Bookmark } from './bookmark';
export type { Call, CallAnswer } from './call';
export { classify, type ApiResponse, type Billed, type Verdict } from './classify';
export {
	buildUrl,
	canonicalParams,
	ENDPOINTS,
	type Endpoint,
	type EndpointName,
	type ListEndpoint,
	type ListShape,
	type Parameter,
	type Params,
} from './endpoints';
export { derivedAnswers, type DerivedAnswer } from './derived';
export { CallFailure, InvalidInput, type Failure, type FailureKind } from './failure';
export { BodyError, isJsonObject, parseBody, type JsonObject, type JsonValue } from './json';
export { readNewestPost, readNewPosts, toFeedMemory, type FeedPost } from './newPosts';
export {
	ListInterrupted,
	readList,
	readUserInfo,
	resolveUserId,
	type ListPage,
	type ListRecords,
	type ListRequest,
	type ListResult,
	type UserInfo,
} from './operations';
export type { StopReason } from './paging';
export { plainText } from './plainText';
export {
	PROFILE_FIELDS,
	profileChange,
	toProfileMemory,
	type ProfileChange,
	type ProfileField,
} from './profileChange';
export {
	userRecord,
	type Count,
	type PersonRecord,
	type PostRecord,
	type UserRecord,
} from './records';
export {
	looksLikeId,
	parseProfileUrl,
	parseUser,
	parseUserId,
	parseUsername,
	type UserRef,
} from './user';
export { parseUserList, userKey } from './userList';
