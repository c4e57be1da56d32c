"""The shapes of the sample events, held against those who know them independently of lpack.

Where one of them and AWS's documentation differ, the difference is listed here with what the documentation says.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from oracles import decoded_by_go, parsed_by_powertools, templates_of_sam, typed_by_typescript

from lpack import events

EVERY_EVENT = {event.name: events.filled_in(event, {}) for event in events.samples()}

# SAM's templates

TEMPLATES = {
    "alb:request": "alb/ALBRequest",
    "alexa:intent": "alexa-skills-kit/AlexaIntentRecipe",
    "alexa:launch": "alexa-skills-kit/AlexaStartSession",
    "alexa:session-ended": "alexa-skills-kit/AlexaEndSession",
    "apigateway:http": "apigateway/HttpApi",
    "apigateway:request-authorizer": "apigateway/ApiGatewayRestRequestAuthorizer",
    "apigateway:rest": "apigateway/AwsProxy",
    "apigateway:token-authorizer": "apigateway/ApiGatewayAuthorizer",
    "cloudformation:create": "cloudformation/CfnCreateRequest",
    "cloudfront:viewer-request": "cloudfront/CloudFrontSimpleRemoteCall",
    "cloudfront:viewer-response": "cloudfront/CloudFrontModifyResponseHeader",
    "cloudwatch:logs": "cloudwatch/CloudwatchLogs",
    "codecommit:push": "codecommit/CodeCommit",
    "config:change": "config/ConfigurationItemChangeNotification",
    "config:scheduled": "config/PeriodicRule",
    "dynamodb:modify": "dynamodb/DynamoDBUpdate",
    "eventbridge:scheduled": "cloudwatch/ScheduledEvent",
    "firehose:transformation": "kinesis/KinesisFirehose",
    "kinesis:record": "kinesis/Kinesis",
    "lex:dialog": "lex-v2/LexBookCar",
    "s3:delete": "s3/S3Delete",
    "s3:put": "s3/S3Put",
    "ses:receipt": "ses/SesEmailReceiving",
    "sns:notification": "sns/Sns",
    "sqs:message": "sqs/Sqs",
}

FULL: dict[str, dict[str, Any]] = {
    "apigateway:http": {"query": "a=1", "body": "hello", "cookies": ["a=1"]},
    "apigateway:request-authorizer": {"path": "/request"},
    "apigateway:rest": {"path": "/orders", "query": "a=1", "body": "hello"},
    "codecommit:push": {"data": "hello"},
    "sns:notification": {"subject": "hello", "message": "hello"},
    "sqs:message": {"body": "hello"},
}
"""Options that bring in what an event has only when there is something to say."""

THE_SENDERS = re.compile(
    r"\.(headers|multiValueHeaders|queryStringParameters|multiValueQueryStringParameters|pathParameters|stageVariables"
    r"|tags|configuration|ruleParameters|ResourceProperties|Keys|NewImage|OldImage|slots|MessageAttributes"
    r"|resolvedSlots)\..*"
)
"""Keys in tables whose keys are the sender's own."""

NOT_IN_EVERY_EVENT = {
    "alexa:intent": ["AudioPlayer"],  # interfaces that a skill may ask for
    "alexa:launch": ["AudioPlayer"],
    "alexa:session-ended": ["AudioPlayer"],
    "apigateway:http": ["authentication", "authorizer", "pathParameters", "stageVariables"],
    "apigateway:request-authorizer": ["clientCert"],
    "lex:dialog": ["slotToElicit"],  # where the next step is to ask for one
}
"""What SAM shows and AWS sends only to those who have configured it."""

OF_ANOTHER_KIND = {
    "apigateway:request-authorizer": {".requestContext.identity.apiKey", ".requestContext.identity.clientCert"},
    "apigateway:rest": {".queryStringParameters", ".stageVariables"},  # SAM's template puts a table into a text
    "config:change": {".invokingEvent.configurationItem.resourceName"},
    "lex:dialog": {".transcriptions[].transcriptionConfidence"},  # 1 and 1.0
}
"""What is null unless it was configured, but is shown by SAM, and slips of SAM's."""


def kinds(value: Any, path: str = "") -> dict[str, str]:
    """What there is at each path; JSON in a text is looked into."""
    match value:
        case dict():
            below = [kinds(item, f"{path}.{key}") for key, item in value.items()]
            return {path: "table"} | {key: kind for each in below for key, kind in each.items()}
        case list():
            below = [kinds(item, f"{path}[]") for item in value]
            return {path: "list"} | {key: kind for each in below for key, kind in each.items()}
        case str() if value.startswith("{"):
            return kinds(json.loads(value), path)
    return {path: type(value).__name__}


@pytest.mark.network
@pytest.mark.parametrize("name", TEMPLATES)
def test_everything_that_sam_shows_is_there(name: str) -> None:
    template = (templates_of_sam() / f"{TEMPLATES[name]}.json").read_text(encoding="utf-8")
    theirs = kinds(json.loads(re.sub(r"\{\{\{\w+\}\}\}", "1", template)))
    ours = kinds(events.filled_in(events.sample(name), FULL.get(name, {})))
    seldom = NOT_IN_EVERY_EVENT.get(name, [])
    lacking = [path for path in theirs.keys() - ours.keys() if not any(f".{key}" in path for key in seldom)]
    assert [path for path in lacking if not THE_SENDERS.search(path)] == []
    assert {path for path in theirs.keys() & ours.keys() if theirs[path] != ours[path]} == OF_ANOTHER_KIND.get(
        name, set()
    )


# Powertools' models

MODELS = {
    "alb:request": "AlbModel",
    "apigateway:http": "APIGatewayProxyEventV2Model",
    "apigateway:http-authorizer": "ApiGatewayAuthorizerRequestV2",
    "apigateway:request-authorizer": "ApiGatewayAuthorizerRequest",
    "apigateway:rest": "APIGatewayProxyEventModel",
    "apigateway:token-authorizer": "ApiGatewayAuthorizerToken",
    "apigateway:websocket-connect": "APIGatewayWebSocketConnectEventModel",
    "apigateway:websocket-disconnect": "APIGatewayWebSocketDisconnectEventModel",
    "apigateway:websocket-message": "APIGatewayWebSocketMessageEventModel",
    "cloudformation:create": "CloudFormationCustomResourceCreateModel",
    "cloudformation:delete": "CloudFormationCustomResourceDeleteModel",
    "cloudformation:update": "CloudFormationCustomResourceUpdateModel",
    "cloudwatch:logs": "CloudWatchLogsModel",
    "cognito:create-auth-challenge": "CognitoCreateAuthChallengeTriggerModel",
    "cognito:custom-message": "CognitoCustomMessageTriggerModel",
    "cognito:define-auth-challenge": "CognitoDefineAuthChallengeTriggerModel",
    "cognito:post-authentication": "CognitoPostAuthenticationTriggerModel",
    "cognito:post-confirmation": "CognitoPostConfirmationTriggerModel",
    "cognito:pre-authentication": "CognitoPreAuthenticationTriggerModel",
    "cognito:pre-sign-up": "CognitoPreSignupTriggerModel",
    "cognito:pre-token-generation": "CognitoPreTokenGenerationTriggerModelV1",
    "cognito:pre-token-generation-v2": "CognitoPreTokenGenerationTriggerModelV2AndV3",
    "cognito:user-migration": "CognitoMigrateUserTriggerModel",
    "cognito:verify-auth-challenge": "CognitoVerifyAuthChallengeTriggerModel",
    "dynamodb:insert": "DynamoDBStreamModel",
    "dynamodb:modify": "DynamoDBStreamModel",
    "dynamodb:remove": "DynamoDBStreamModel",
    "eventbridge:event": "EventBridgeModel",
    "eventbridge:s3-object-created": "S3EventNotificationEventBridgeModel",
    "eventbridge:scheduled": "EventBridgeModel",
    "firehose:transformation": "KinesisFirehoseModel",
    "function-url:request": "LambdaFunctionUrlModel",
    "kinesis:record": "KinesisDataStreamModel",
    "s3:delete": "S3Model",
    "s3:put": "S3Model",
    "ses:receipt": "SesModel",
    "sns:notification": "SnsModel",
    "sqs:fifo-message": "SqsModel",
    "sqs:message": "SqsModel",
}


@pytest.mark.network
@pytest.mark.slow
def test_powertools_reads_them() -> None:
    complaints = parsed_by_powertools(MODELS, {name: EVERY_EVENT[name] for name in MODELS})
    against = {name: said for name, said in complaints.items() if said}
    # The model wants a table of scopes, and AWS documents a list:
    # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
    assert against.keys() == {"cognito:pre-token-generation-v2"}, against
    assert against["cognito:pre-token-generation-v2"].startswith("1 validation error")
    assert "\nrequest.scopes\n" in against["cognito:pre-token-generation-v2"]


# TypeScript's types

TYPES = {
    "alb:request": "ALBEvent",
    "apigateway:http": "APIGatewayProxyEventV2",
    "apigateway:http-authorizer": "APIGatewayRequestAuthorizerEventV2",
    "apigateway:request-authorizer": "APIGatewayRequestAuthorizerEvent",
    "apigateway:rest": "APIGatewayProxyEvent",
    "apigateway:token-authorizer": "APIGatewayTokenAuthorizerEvent",
    "apigateway:websocket-message": "APIGatewayProxyWebsocketEventV2",
    "cloudformation:create": "CloudFormationCustomResourceCreateEvent",
    "cloudformation:delete": "CloudFormationCustomResourceDeleteEvent",
    "cloudformation:update": "CloudFormationCustomResourceUpdateEvent",
    "cloudfront:origin-request": "CloudFrontRequestEvent",
    "cloudfront:origin-response": "CloudFrontResponseEvent",
    "cloudfront:viewer-request": "CloudFrontRequestEvent",
    "cloudfront:viewer-response": "CloudFrontResponseEvent",
    "cloudwatch:alarm": "CloudWatchAlarmEvent",
    "cloudwatch:logs": "CloudWatchLogsEvent",
    "codecommit:push": "CodeCommitTriggerEvent",
    "cognito:create-auth-challenge": "CreateAuthChallengeTriggerEvent",
    "cognito:custom-message": "CustomMessageTriggerEvent",
    "cognito:define-auth-challenge": "DefineAuthChallengeTriggerEvent",
    "cognito:post-authentication": "PostAuthenticationTriggerEvent",
    "cognito:post-confirmation": "PostConfirmationTriggerEvent",
    "cognito:pre-authentication": "PreAuthenticationTriggerEvent",
    "cognito:pre-sign-up": "PreSignUpTriggerEvent",
    "cognito:pre-token-generation": "PreTokenGenerationTriggerEvent",
    "cognito:pre-token-generation-v2": "PreTokenGenerationV2TriggerEvent",
    "cognito:user-migration": "UserMigrationTriggerEvent",
    "cognito:verify-auth-challenge": "VerifyAuthChallengeResponseTriggerEvent",
    "dynamodb:insert": "DynamoDBStreamEvent",
    "dynamodb:modify": "DynamoDBStreamEvent",
    "dynamodb:remove": "DynamoDBStreamEvent",
    "eventbridge:event": "EventBridgeEvent<string, any>",
    "eventbridge:s3-object-created": "S3ObjectCreatedNotificationEvent",
    "eventbridge:scheduled": "ScheduledEvent",
    "firehose:transformation": "FirehoseTransformationEvent",
    "function-url:request": "LambdaFunctionURLEvent",
    "kinesis:record": "KinesisStreamEvent",
    "lex:dialog": "LexV2Event",
    "lex:fulfillment": "LexV2Event",
    "s3:delete": "S3Event",
    "s3:put": "S3Event",
    "ses:receipt": "SESEvent",
    "sns:notification": "SNSEvent",
    "sqs:fifo-message": "SQSEvent",
    "sqs:message": "SQSEvent",
}

WHERE_THE_TYPES_DIFFER = {
    # What an authorizer says is there where there is one.
    "apigateway:request-authorizer": r"Property 'authorizer' is missing",
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    "apigateway:rest": r"Property 'authorizer' is missing|'\"deploymentId\"' does not exist",
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    "apigateway:websocket-message": r"'\"identity\"' does not exist",
    # "version-id" is there when versioning is on: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    "eventbridge:s3-object-created": r"Property '\"version-id\"' is missing",
    # https://docs.aws.amazon.com/lexv2/latest/dg/lambda-input-format.html
    "lex:dialog": r"'\"interpretationSource\"' does not exist",
    "lex:fulfillment": r"'\"interpretationSource\"' does not exist",
    # A deleted object has no size: SAM and Powertools say so, too.
    "s3:delete": r"is missing the following properties from type '\{ key: string; size: number;",
}


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.needs("node", "npm")
def test_they_are_what_their_types_say(tmp_path: Path) -> None:
    complaints = typed_by_typescript(TYPES, EVERY_EVENT, tmp_path)
    assert complaints.keys() == WHERE_THE_TYPES_DIFFER.keys(), complaints
    for name, said in complaints.items():
        assert [line for line in said if not re.search(WHERE_THE_TYPES_DIFFER[name], line)] == []


# AWS's types for Go

GO_TYPES = {
    "alb:request": "events.ALBTargetGroupRequest",
    "apigateway:http": "events.APIGatewayV2HTTPRequest",
    "apigateway:http-authorizer": "events.APIGatewayV2CustomAuthorizerV2Request",
    "apigateway:request-authorizer": "events.APIGatewayCustomAuthorizerRequestTypeRequest",
    "apigateway:rest": "events.APIGatewayProxyRequest",
    "apigateway:token-authorizer": "events.APIGatewayCustomAuthorizerRequest",
    "apigateway:websocket-connect": "events.APIGatewayWebsocketProxyRequest",
    "apigateway:websocket-disconnect": "events.APIGatewayWebsocketProxyRequest",
    "apigateway:websocket-message": "events.APIGatewayWebsocketProxyRequest",
    "cloudformation:create": "cfn.Event",
    "cloudformation:delete": "cfn.Event",
    "cloudformation:update": "cfn.Event",
    "cloudwatch:logs": "events.CloudwatchLogsEvent",
    "codecommit:push": "events.CodeCommitEvent",
    "cognito:create-auth-challenge": "events.CognitoEventUserPoolsCreateAuthChallenge",
    "cognito:custom-message": "events.CognitoEventUserPoolsCustomMessage",
    "cognito:define-auth-challenge": "events.CognitoEventUserPoolsDefineAuthChallenge",
    "cognito:post-authentication": "events.CognitoEventUserPoolsPostAuthentication",
    "cognito:post-confirmation": "events.CognitoEventUserPoolsPostConfirmation",
    "cognito:pre-authentication": "events.CognitoEventUserPoolsPreAuthentication",
    "cognito:pre-sign-up": "events.CognitoEventUserPoolsPreSignup",
    "cognito:pre-token-generation": "events.CognitoEventUserPoolsPreTokenGen",
    "cognito:pre-token-generation-v2": "events.CognitoEventUserPoolsPreTokenGenV2_0",
    "cognito:user-migration": "events.CognitoEventUserPoolsMigrateUser",
    "cognito:verify-auth-challenge": "events.CognitoEventUserPoolsVerifyAuthChallenge",
    "config:change": "events.ConfigEvent",
    "config:scheduled": "events.ConfigEvent",
    "dynamodb:insert": "events.DynamoDBEvent",
    "dynamodb:modify": "events.DynamoDBEvent",
    "dynamodb:remove": "events.DynamoDBEvent",
    "eventbridge:event": "events.EventBridgeEvent",
    "eventbridge:s3-object-created": "events.EventBridgeEvent",
    "eventbridge:scheduled": "events.EventBridgeEvent",
    "firehose:transformation": "events.KinesisFirehoseEvent",
    "function-url:request": "events.LambdaFunctionURLRequest",
    "iot:button": "events.IoTButtonEvent",
    "kinesis:record": "events.KinesisEvent",
    "s3:delete": "events.S3Event",
    "s3:put": "events.S3Event",
    "ses:receipt": "events.SimpleEmailEvent",
    "sns:notification": "events.SNSEvent",
    "sqs:fifo-message": "events.SQSEvent",
    "sqs:message": "events.SQSEvent",
}

WHAT_GO_DOES_NOT_KNOW = {
    "apigateway:request-authorizer": "extendedRequestId",
    "apigateway:rest": "principalOrgId",
    "cloudformation:create": "ServiceToken",
    "cloudformation:delete": "ServiceToken",
    "cloudformation:update": "ServiceToken",
    "cognito:create-auth-challenge": "userNotFound",
    "cognito:custom-message": "linkParameter",
    "cognito:pre-authentication": "userNotFound",
    "cognito:user-migration": "enableSMSMFA",
    "cognito:verify-auth-challenge": "userNotFound",
    "function-url:request": "routeKey",
}
"""Keys that AWS documents, and sends, and that its types for Go leave out; they stop at the first."""


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.needs("go")
def test_aws_reads_them_in_go(tmp_path: Path) -> None:
    complaints = decoded_by_go(GO_TYPES, EVERY_EVENT, tmp_path)
    assert complaints == {name: f'json: unknown field "{key}"' for name, key in WHAT_GO_DOES_NOT_KNOW.items()}


# All together


def test_somebody_independent_knows_every_event() -> None:
    theirs = {"iot:rule", "stepfunctions:task", "stepfunctions:task-token"}  # the user's own, whatever it holds
    assert {event.name for event in events.samples()} == {*TEMPLATES, *MODELS, *TYPES, *GO_TYPES, *theirs}
