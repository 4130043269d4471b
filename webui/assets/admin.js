// Signing in and out as administrator. The cookie is the server's to set; the page is then drawn anew.
(() => {
  const REFUSALS = {
    wrong_token: "error_access_denied_wrong_token",
    too_many_attempts: "error_access_denied_too_many_attempts",
  };

  // Resolves to the key of the sentence that says what went wrong; "" where nothing did.
  const send = async (address, body = {}) => {
    try {
      const answer = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (answer.ok) return "";
      const { error } = await answer.json();
      return REFUSALS[error?.details?.reason] || "error_internal_error";
    } catch {
      return "admin_no_answer";
    }
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target instanceof Element ? event.target.closest("[data-admin-sign-in]") : null;
    if (!form) return;
    event.preventDefault();
    const field = form.querySelector("input");
    const button = form.querySelector("button");
    const problem = form.querySelector(".problem");
    if (button.disabled) return;
    button.disabled = true;
    problem.textContent = "";
    const key = await send("./v1/admin/login", { token: field.value });
    if (!key) {
      location.reload();
      return;
    }
    button.disabled = false;
    problem.textContent = asr.say(key);
    field.select();
  });

  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-admin-sign-out]") : null;
    if (!button) return;
    const key = await send("./v1/admin/logout");
    if (key) asr.announce(asr.say(key), 6000);
    else location.reload();
  });
})();
