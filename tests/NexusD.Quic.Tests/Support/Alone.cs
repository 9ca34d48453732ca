using Xunit;

namespace NexusD.Quic.Tests.Support;

/// <summary>Tests that measure the process, while no others run in it.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
