namespace NexusD.Sessions;

/// <summary>
/// Answers QUERY frames (docs/protocol/app-v1.md). Called on the loop's thread; must neither block nor throw.
/// </summary>
public interface ISessionQueries
{
    /// <summary>
    /// Answers a question such as <c>status</c> with a JSON document in UTF-8; false: no such question.
    /// </summary>
    bool TryAnswer(string query, out ReadOnlyMemory<byte> json);
}
