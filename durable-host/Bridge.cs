using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Newtonsoft.Json;

namespace DurableHost;

/// <summary>Sends each invocation over HTTP to the process that owns the Python worker.</summary>
public static class Bridge
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1000, UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };

    public static Uri Address { get; set; } = null!;

    /// <param name="inputs">Alternates parameter names and values.</param>
    public static async Task<object?> RunAsync(string trigger, string name, string?[] inputs)
    {
        var values = new Dictionary<string, object?>();
        for (var index = 0; index < inputs.Length; index += 2)
        {
            values[inputs[index]!] = inputs[index + 1] is { } text ? new { @string = text } : null;
        }
        JsonElement answer;
        try
        {
            using var response = await Http.PostAsJsonAsync(Address, new { name, inputs = values });
            answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        }
        catch (HttpRequestException error)
        {
            throw new WorkerProcessExitException("The worker cannot be reached.", error);
        }
        if (answer.TryGetProperty("died", out var died))
        {
            throw new WorkerProcessExitException(died.GetString() ?? "The worker died.");
        }
        if (answer.TryGetProperty("error", out var failure))
        {
            var stack = answer.TryGetProperty("stack_trace", out var trace) ? trace.GetString() : "";
            throw new RpcException($"Result: Failure\nException: {Sanitizer.Sanitize(failure.GetString()!)}\nStack: {stack}");
        }
        var result = answer.GetProperty("result");
        if (result.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (result.TryGetProperty("json", out var json))
        {
            var text = json.GetString()!;
            return trigger == "activityTrigger"
                ? JsonConvert.DeserializeObject(text, new JsonSerializerSettings { DateParseHandling = DateParseHandling.None })
                : text;
        }
        return result.TryGetProperty("string", out var plain) ? plain.GetString() : throw new InvalidOperationException($"{name} returned {result}");
    }
}

/// <summary>Mirrors the exception that the script host throws when a function raises.</summary>
public sealed class RpcException(string message) : Exception(message);

/// <summary>Mirrors the exception that the script host throws when the worker dies.</summary>
/// <remarks>The extension recognizes it by the name of the class.</remarks>
public sealed class WorkerProcessExitException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Removes credentials from the text of an error, as the script host does.</summary>
internal static partial class Sanitizer
{
    [GeneratedRegex(@"(Token=|DefaultEndpointsProtocol=http|AccountKey=|Data Source=|Server=|Password=|pwd=|&amp;sig=|&sig=|\?sig=|SharedAccessKey=|&amp;code=|&code=|\?code=|key=)[^<""']*", RegexOptions.IgnoreCase)]
    private static partial Regex Credentials();

    public static string Sanitize(string text) => Credentials().Replace(text, "[Hidden Credential]");
}
