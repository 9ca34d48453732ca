using System.Text.Json.Nodes;
using NexusD.Protocol;
using NexusdClient;

namespace ConformanceAgent;

/// <summary>What the client throws, in the words of the agent protocol.</summary>
internal static class Errors
{
    internal static JsonObject Describe(Exception error)
    {
        var (kind, code) = Classify(error);
        var answer = new JsonObject { ["error"] = kind, ["text"] = error.Message };
        if (code != ErrorCode.None)
        {
            answer["code"] = (int)code;
        }

        return answer;
    }

    private static (string Kind, ErrorCode Code) Classify(Exception error) => error switch
    {
        NotSupportedException => ("unsupported", default),
        ArgumentException => ("argument", default),
        ConnectionException e => ("connection", e.Code),
        PublishException { Code: ErrorCode.None } => ("timeout", default), // the only one that no code explains
        PublishException e => ("publish", e.Code),
        SubscribeException e => ("subscribe", e.Code),
        BufferFullException => ("buffer_full", default),
        QueryException e => ("query", e.Code),
        NoResponderException => ("no_responder", default),
        RequestTimeoutException or TimeoutException => ("timeout", default),
        ClosedException => ("closed", default),
        InvalidOperationException => ("argument", default), // a call that the options do not allow
        OperationCanceledException => ("cancelled", default),
        _ => ("other", default),
    };
}
