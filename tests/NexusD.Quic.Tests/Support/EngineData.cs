using System.Reflection;
using Xunit.Sdk;

namespace NexusD.Quic.Tests.Support;

/// <summary>Runs a theory with the ngtcp2 engine, or shows loudly why it could not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class Ngtcp2Attribute : EngineDataAttribute
{
    public Ngtcp2Attribute()
        : base(QuicEngineKind.Ngtcp2)
    {
    }
}

/// <summary>Runs a theory with System.Net.Quic, or shows loudly why it could not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MsQuicAttribute : EngineDataAttribute
{
    public MsQuicAttribute()
        : base(QuicEngineKind.MsQuic)
    {
    }
}

/// <summary>One row: the engine. Skipped with the reason when it is not installed.</summary>
public abstract class EngineDataAttribute : DataAttribute
{
    private readonly QuicEngineKind _kind;

    protected EngineDataAttribute(QuicEngineKind kind)
    {
        _kind = kind;
        if (!QuicEndpoint.IsAvailable(kind, out string reason))
        {
            Skip = reason;
        }
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[_kind]];
}
