using Microsoft.AspNetCore.Http;
using Microsoft.Azure.WebJobs;

namespace DurableHost;

/// <summary>Passes HTTP requests to the management API of the extension, as the script host does.</summary>
internal static class ManagementApi
{
    public static async Task AnswerAsync(IAsyncConverter<HttpRequestMessage, HttpResponseMessage> management, HttpContext http)
    {
        var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), $"{http.Request.Scheme}://{http.Request.Host}{http.Request.Path}{http.Request.QueryString}");
        var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        request.Content = new ByteArrayContent(body.ToArray());
        foreach (var header in http.Request.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(header.Key, header.Value.AsEnumerable()))
            {
                request.Content.Headers.TryAddWithoutValidation(header.Key, header.Value.AsEnumerable());
            }
        }
        using var response = await management.ConvertAsync(request, http.RequestAborted);
        http.Response.StatusCode = (int)response.StatusCode;
        http.Response.ContentType = response.Content?.Headers.ContentType?.ToString();
        if (response.Headers.Location is { } location)
        {
            http.Response.Headers.Location = location.ToString();
        }
        if (response.Content is not null)
        {
            await response.Content.CopyToAsync(http.Response.Body);
        }
    }
}
