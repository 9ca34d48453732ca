namespace NexusD.Daemon.Http;

/// <summary>What to answer to a request.</summary>
/// <param name="Status">HTTP status code.</param>
/// <param name="ContentType">Media type of the body.</param>
/// <param name="Body">UTF-8.</param>
internal readonly record struct HttpAnswer(int Status, string ContentType, ReadOnlyMemory<byte> Body)
{
    private const string PlainText = "text/plain; charset=utf-8";
    private const string Json = "application/json";

    /// <summary>One line of text; a line break is added.</summary>
    public static HttpAnswer Text(int status, string text) =>
        new(status, PlainText, System.Text.Encoding.UTF8.GetBytes(text + "\n"));

    /// <summary>A JSON document.</summary>
    public static HttpAnswer JsonOf(int status, ReadOnlyMemory<byte> document) => new(status, Json, document);
}
